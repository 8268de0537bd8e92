// PDF to text, pictures and drawings by the Poppler tools.

#include "convd/engines/builtin.h"
#include "convd/engines/diagnosis.h"
#include "convd/engines/limits.h"
#include "convd/engines/page_range.h"
#include "convd/engines/progress.h"
#include "convd/engines/warnings.h"

namespace convd::engines {
namespace {

using shared::ErrorCode;

constexpr auto pdftotext = "/usr/bin/pdftotext";
constexpr auto pdftoppm = "/usr/bin/pdftoppm";
constexpr auto pdftocairo = "/usr/bin/pdftocairo";

const std::vector<Clue>& clues() {
  static const std::vector<Clue> table{
      {"Incorrect password", ErrorCode::input_encrypted,
       "the PDF is protected by a password; give the right one in the option \"password\""},
      {"Unsupported security handler", ErrorCode::input_encrypted,
       "the PDF is protected in a way that is not supported"},
      {"Wrong page range", ErrorCode::input_invalid, "the PDF does not have the pages asked for"},
      {"the first page", ErrorCode::input_invalid, "the PDF does not have the pages asked for"},
      {"May not be a PDF file", ErrorCode::input_invalid, "the file is not a PDF"},
      {"Couldn't find trailer dictionary", ErrorCode::input_invalid, "the PDF is damaged"},
      {"Couldn't read xref table", ErrorCode::input_invalid, "the PDF is damaged"},
      {"Couldn't read page catalog", ErrorCode::input_invalid, "the PDF is damaged"},
      {"Document stream is empty", ErrorCode::input_invalid, "the file is empty"},
      {"Bogus memory allocation size", ErrorCode::input_too_large, "a page is too large at this resolution"},
  };
  return table;
}

const WarningSigns& warning_signs() {
  static const WarningSigns signs{{"Syntax Warning", "Syntax Error", "Internal Error"}};
  return signs;
}

bool is_picture(const std::string& to) {
  return to == "png" || to == "jpg" || to == "tiff";
}

std::optional<std::string> value(const Task& task, const std::string& name) {
  const auto found = task.options.find(name);
  return found == task.options.end() ? std::nullopt : std::optional(found->second);
}

// What all three programs understand alike.
void append_selection(std::vector<std::string>& argv, const Task& task) {
  if (const auto pages = value(task, "pages")) {
    const auto range = parse_page_range(*pages).value_or(PageRange{});
    argv.insert(argv.end(), {"-f", std::to_string(range.first)});
    if (range.last) argv.insert(argv.end(), {"-l", std::to_string(*range.last)});
  }
  if (const auto password = value(task, "password")) argv.insert(argv.end(), {"-upw", *password});
}

PageCounting counting(const Task& task, bool single) {
  const auto pages = value(task, "pages");
  const auto range = pages ? parse_page_range(*pages) : std::nullopt;
  PageCounting counting;
  if (range) counting.first = range->first;
  if (single || (range && range->last)) counting.last = PageCounting::Last::of_a_range;
  return counting;
}

std::vector<std::string> picture_argv(const Task& task, bool single) {
  const std::string kind = task.to == "png" ? "-png" : task.to == "jpg" ? "-jpeg" : "-tiff";
  std::vector<std::string> argv{pdftoppm, "-progress", kind, "-r", value(task, "dpi").value_or("150")};
  if (task.to == "jpg") argv.insert(argv.end(), {"-jpegopt", "quality=" + value(task, "quality").value_or("85")});
  if (task.to == "tiff") argv.insert(argv.end(), {"-tiffcompression", "deflate"});
  append_selection(argv, task);
  if (single) argv.emplace_back("-singlefile");
  argv.insert(argv.end(), {task.input, "/out/" + task.stem});
  return argv;
}

class Poppler final : public Engine {
 public:
  std::string name() const override { return "poppler"; }
  std::string title() const override { return "Poppler"; }
  std::string package() const override { return "poppler-utils"; }
  std::vector<std::string> programs() const override { return {pdftotext, pdftoppm, pdftocairo}; }
  std::vector<std::string> read_only() const override {
    return {"/etc/fonts", "/var/cache/fontconfig", "/usr/share/poppler"};
  }
  std::vector<std::string> version_command() const override { return {pdftotext, "-v"}; }
  std::string read_version(std::string_view printed) const override {
    return version_after(printed, "pdftotext version");
  }

  std::vector<Edge> edges() const override {
    return {{"pdf", "txt", 60, 80},
            {"pdf", "png", 1500, 95},
            {"pdf", "jpg", 300, 90},
            {"pdf", "tiff", 1000, 95},
            {"pdf", "svg", 300, 90}};
  }
  std::vector<OptionSpec> options() const override {
    return {{"pages", OptionType::page_range, 0, 0, {}, "", "pages to convert, such as 3, 2-5 or 4-", {}},
            {"password", OptionType::text, 1, 127, {}, "", "password that opens the PDF", {}},
            {"dpi", OptionType::integer, 10, 1200, {}, "150", "resolution in dots per inch", {"png", "jpg", "tiff"}},
            {"quality", OptionType::integer, 1, 100, {}, "85", "JPEG quality", {"jpg"}},
            {"single", OptionType::flag, 0, 0, {}, "false", "only the first of the pages", {"png", "jpg", "tiff"}},
            {"layout", OptionType::flag, 0, 0, {}, "false", "keep the places of the words on the page", {"txt"}}};
  }

  shared::Result<Command> command(const Task& task) const override {
    Command command;
    command.read_only = read_only();
    command.family = process::Family::pdf;
    command.limits = limits();
    if (is_picture(task.to)) {
      const bool single = value(task, "single") == "true";
      command.argv = picture_argv(task, single);
      command.outputs = task.stem + (single ? "." : "-*.") + (task.to == "tiff" ? "tif" : task.to);
      command.progress = [counted = counting(task, single)] {
        return with_warnings(warning_signs(), make_pdftoppm_progress(counted));
      };
      return command;
    }
    command.argv = task.to == "svg" ? std::vector<std::string>{pdftocairo, "-svg"}
                                    : std::vector<std::string>{pdftotext, "-enc", "UTF-8", "-eol", "unix"};
    command.progress = [] { return with_warnings(warning_signs(), nullptr); };
    if (value(task, "layout") == "true") command.argv.emplace_back("-layout");
    append_selection(command.argv, task);
    command.outputs = task.stem + "." + task.to;
    command.argv.insert(command.argv.end(), {task.input, "/out/" + command.outputs});
    return command;
  }
  std::optional<shared::Error> diagnose(const Task&, const Ended& ended) const override {
    return diagnose_run(title(), Trust::status_and_output, clues(), ended);
  }

 private:
  static process::Limits limits() {
    process::Limits limits;
    limits.memory_bytes = gibibyte;
    limits.address_space_bytes = 2 * gibibyte;
    limits.cpu_ms = 10 * minute_ms;
    limits.file_bytes = gibibyte;
    limits.processes = 16;
    limits.open_files = 256;
    limits.tmp_bytes = 64 * mebibyte;
    return limits;
  }
};

}  // namespace

std::unique_ptr<Engine> make_poppler() {
  return std::make_unique<Poppler>();
}

}  // namespace convd::engines
