// What engines print, of documents that choose their words: progress stays within its total, facts within their limits,
// and the pieces make no difference.

#include "convd/engines/progress.h"

#include <vector>

#include "convd/engines/office_progress.h"
#include "convd/engines/warnings.h"
#include "tests/fuzz/input.h"

using namespace convd::engines;
using convd::process::Stream;

namespace {

const WarningSigns& signs() {
  static const WarningSigns made{.begin = {"Warning", "[WARN"}, .dull = {"harmless"}};
  return made;
}

std::unique_ptr<ProgressReader> reader(std::size_t kind) {
  switch (kind) {
    case 0:
      return make_pdftoppm_progress({});
    case 1:
      return make_pdftoppm_progress({3, PageCounting::Last::of_a_range, PageCounting::Pages::read});
    case 2:
      return make_layout_progress();
    case 3:
      return make_ffmpeg_progress();
    case 4:
      return make_office_progress({0.5, 0.2, 0.3}, "page");
    case 5:
      return with_warnings(signs(), nullptr);
    default:
      return with_warnings(signs(), make_pdftoppm_progress({}));
  }
}

class Run {
 public:
  explicit Run(std::size_t kind) : reader_(reader(kind)) {}

  void feed(Stream stream, std::string_view bytes) {
    reader_->feed(stream, bytes, [this](const Progress& progress) { report(progress); });
  }
  std::string story() {
    const RunFacts& facts = reader_->facts();
    story_ += " pages " + std::to_string(facts.pages.value_or(-1)) + " " + std::to_string(facts.pages_out.value_or(-1));
    story_ += " warnings " + std::to_string(facts.warnings_total);
    fuzz::must(facts.pages.value_or(0) >= 0 && facts.pages_out.value_or(0) >= 0, "pages are not negative");
    for (const std::string& text : facts.warnings) add("warning", text);
    for (const std::string& text : facts.fonts_requested) add("font", text);
    for (const std::string& text : facts.links_blocked) add("link", text);
    for (const FontFact& font : facts.fonts_missing) add("missing", font.requested + "/" + font.used);
    fuzz::must(facts.warnings.size() <= 20, "no more warnings than allowed");
    fuzz::must(facts.fonts_requested.size() <= 100 && facts.links_blocked.size() <= 100, "no more facts than allowed");
    return story_;
  }

 private:
  void report(const Progress& progress) {
    fuzz::must(progress.done >= 0, "what is done is not negative");
    fuzz::must(!progress.total || (*progress.total >= 0 && progress.done <= *progress.total), "it is within its total");
    fuzz::must(!progress.share || (*progress.share >= 0 && *progress.share <= 1), "a share is from 0 to 1");
    story_ += " " + std::to_string(progress.done) + "/" + std::to_string(progress.total.value_or(-1)) + progress.unit +
              "@" + std::to_string(progress.share.value_or(-1));
  }
  void add(const char* what, const std::string& text) {
    fuzz::must(text.size() <= 601, "no fact is longer than allowed");
    story_ += std::string(" ") + what + " " + text;
  }

  std::unique_ptr<ProgressReader> reader_;
  std::string story_;
};

}  // namespace

FUZZ_TARGET(input) {
  const std::size_t kind = input.number(7);
  const std::size_t seed = input.number(256);
  const Stream stream = kind == 4 ? Stream::out : Stream::err;
  Run at_once(kind);
  Run by_and_by(kind);
  // ffmpeg says how long it is on one, and how far on the other.
  const std::string_view before = kind == 3 ? input.line() : std::string_view();
  for (Run* run : {&at_once, &by_and_by}) {
    if (kind == 3) run->feed(Stream::err, std::string(before) + "\n");
  }
  const Stream main = kind == 3 ? Stream::out : stream;
  at_once.feed(main, fuzz::Exact(input.rest()).text());
  fuzz::in_pieces(input.rest(), seed, [&](std::string_view piece) {
    by_and_by.feed(main, piece);
    return true;
  });
  fuzz::must(at_once.story() == by_and_by.story(), "the pieces make no difference");
}
