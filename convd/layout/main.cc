// convd-layout: a PDF's text as Markdown, plain text or layout boxes. Runs inside the sandbox, one document per run.
//
//   convd-layout --to md|txt|json [--password-file FILE] INPUT OUTPUT
//   convd-layout --version
//
// Tells "page N TOTAL" on standard error after each page, and "warning: ..." for what is wrong in the document. Exit
// status: 0 done, 2 not a readable PDF, 3 a password is needed or wrong, 4 no page has text, 5 the output cannot be
// written, 6 its own walls cannot be built, 64 usage.

#include <cstdio>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "convd/layout/alone.h"
#include "convd/layout/blocks.h"
#include "convd/layout/pdf.h"
#include "convd/layout/render.h"
#include "shared/version.h"

namespace {

using namespace convd::layout;

enum Exit : int { done = 0, unreadable = 2, locked = 3, no_text = 4, not_written = 5, exposed = 6, usage = 64 };

struct Arguments {
  std::string to;
  std::string password_file;  // all of it is the password; on a command line everybody could read it
  std::string input;
  std::string output;
};

bool parse(int argc, char** argv, Arguments& arguments) {
  std::vector<std::string> files;
  for (int i = 1; i < argc; ++i) {
    const std::string word = argv[i];
    if (word == "--to" && i + 1 < argc)
      arguments.to = argv[++i];
    else if (word == "--password-file" && i + 1 < argc)
      arguments.password_file = argv[++i];
    else
      files.push_back(word);
  }
  if (files.size() != 2) return false;
  arguments.input = files[0];
  arguments.output = files[1];
  return arguments.to == "md" || arguments.to == "txt" || arguments.to == "json";
}

std::string content_of(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

int fail(Exit code, const char* why) {
  std::fprintf(stderr, "convd-layout: %s\n", why);
  return code;
}

std::string render(const std::string& to, const std::vector<Page>& pages, const std::vector<Block>& blocks) {
  if (to == "md") return to_markdown(blocks);
  if (to == "txt") return to_text(blocks);
  return to_boxes(pages, blocks);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc == 2 && std::string(argv[1]) == "--version") {
    std::printf("convd-layout %s\n", shared::version);
    return done;
  }
  Arguments arguments;
  if (!parse(argc, argv, arguments))
    return fail(usage, "usage: convd-layout --to md|txt|json [--password-file FILE] INPUT OUTPUT");
  if (!forbid_programs()) return fail(exposed, "the seccomp filter is refused");
  Pdf pdf;
  const Opened opened = pdf.open(arguments.input, content_of(arguments.password_file));
  if (opened == Opened::locked) return fail(locked, "the document needs a password, or the password is wrong");
  if (opened == Opened::unreadable) return fail(unreadable, "not a PDF document that can be read");

  Blocks collected;
  std::vector<Page> pages;
  bool any_text = false;
  for (int number = 1; number <= pdf.pages(); ++number) {
    Page page = pdf.page(number);
    any_text = any_text || !page.words.empty();
    collected.add(number, reading_order(page));
    page.words.clear();
    pages.push_back(std::move(page));
    std::fprintf(stderr, "page %d %d\n", number, pdf.pages());
  }
  if (!any_text) return fail(no_text, "no page has text; the pages are pictures and need OCR");

  std::ofstream file(arguments.output, std::ios::binary);
  file << render(arguments.to, pages, collected.finish());
  file.close();
  return file ? done : fail(not_written, "the output cannot be written");
}
