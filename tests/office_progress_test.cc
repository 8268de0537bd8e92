// A warm LibreOffice's notes as progress and as facts.

#include "convd/engines/office_progress.h"

#include <algorithm>

#include "convd/process/office_wire.h"
#include "tests/support/catch.h"

using namespace convd;
using namespace convd::engines;
using namespace convd::process;

namespace {

constexpr PhaseWeights weights{0.3, 0.2, 0.5};

// A reader, and what it reported.
struct Desk {
  explicit Desk(std::string_view unit = "page") : reader(make_office_progress(weights, unit)) {}

  void prints(std::string_view text, Stream stream = Stream::out) {
    reader->feed(stream, text, [this](const Progress& progress) { seen.push_back(progress); });
  }
  Progress tells(const OfficeNote& note) {
    prints(encode_note(note) + "\n");
    return seen.empty() ? Progress{} : seen.back();
  }

  std::unique_ptr<ProgressReader> reader;
  std::vector<Progress> seen;
};

}  // namespace

TEST_CASE("the phases follow each other, and pages are counted while they are written") {
  Desk desk;
  const Progress reading = desk.tells(OfficeStep{OfficePhase::reading, 0, 0});
  CHECK(reading.phase == Phase::reading);
  CHECK(reading.blind);
  CHECK(*reading.share == Approx(0));
  CHECK_FALSE(reading.total);

  const Progress layout = desk.tells(OfficeStep{OfficePhase::layout, 0, 0});
  CHECK(layout.phase == Phase::layout);
  CHECK(layout.blind);
  CHECK(*layout.share == Approx(0.3));

  const Progress page = desk.tells(OfficeStep{OfficePhase::writing, 13, 31});
  CHECK(page.phase == Phase::converting);
  CHECK_FALSE(page.blind);
  CHECK(page.done == 13);
  CHECK(page.total == 31);
  CHECK(page.unit == "page");
  CHECK(*page.share == Approx(0.5 + 0.5 * 13 / 31));
  CHECK(*desk.tells(OfficeStep{OfficePhase::writing, 31, 31}).share == Approx(1));
}

TEST_CASE("reading in steps of LibreOffice's own is measured, and no pages") {
  Desk desk;
  const Progress half = desk.tells(OfficeStep{OfficePhase::reading, 500'000, 1'000'000});
  CHECK_FALSE(half.blind);
  CHECK(*half.share == Approx(0.15));
  CHECK_FALSE(half.total);
  CHECK(half.unit.empty());
}

TEST_CASE("what is behind stays behind") {
  Desk desk;
  desk.tells(OfficeStep{OfficePhase::reading, 9, 10});
  CHECK(*desk.tells(OfficeStep{OfficePhase::reading, 1, 10}).share == Approx(0.27));
  desk.tells(OfficeStep{OfficePhase::writing, 1, 10});
  const auto count = desk.seen.size();
  desk.tells(OfficeStep{OfficePhase::reading, 10, 10});
  CHECK(desk.seen.size() == count);
  CHECK(desk.tells(OfficeStep{OfficePhase::writing, 99, 10}).done == 10);
  CHECK(*desk.seen.back().share == Approx(1));
}

TEST_CASE("the steps of a format that has no pages are only a share") {
  Desk desk("");
  const Progress progress = desk.tells(OfficeStep{OfficePhase::writing, 1, 2});
  CHECK(progress.unit.empty());
  CHECK(*progress.share == Approx(0.75));
}

TEST_CASE("notes come in any pieces, among other words, on standard output only") {
  const std::string text = "warn: fonts\n{}\n" + encode_note(OfficeStep{OfficePhase::writing, 1, 2}) + "\n" +
                           encode_note(OfficeStep{OfficePhase::writing, 2, 2}) + "\n";
  for (const std::size_t piece : {1u, 7u, 500u}) {
    Desk desk;
    for (std::size_t at = 0; at < text.size(); at += piece) desk.prints(std::string_view(text).substr(at, piece));
    CHECK(desk.seen.size() == 2);
  }
  Desk desk;
  desk.prints(text, Stream::err);
  CHECK(desk.seen.empty());
}

TEST_CASE("what is told of the document is kept for the receipt") {
  Desk desk;
  CHECK_FALSE(desk.reader->facts().pages);
  desk.tells(OfficePages{31, 7});
  desk.tells(OfficePages{-1, 7});
  desk.tells(OfficePages{31, -7});
  desk.tells(OfficeFonts{{"Arial", "Futura", "Gill Sans"}, {{"Futura", "DejaVu Sans"}, {"Gill Sans", ""}}});
  desk.tells(OfficeLinks{{"http://example.org/a.png", "http://example.org/a.png"}});
  desk.tells(OfficeLinks{{"file:///etc/passwd"}});
  CHECK_FALSE(desk.reader->facts().has_early_page);
  desk.tells(OfficeEarlyPage{600, 800});
  const RunFacts& facts = desk.reader->facts();
  CHECK(facts.pages == 31);
  CHECK(facts.pages_out == 7);
  CHECK(facts.fonts_requested == std::vector<std::string>{"Arial", "Futura", "Gill Sans"});
  REQUIRE(facts.fonts_missing.size() == 2);
  CHECK(facts.fonts_missing[0].requested == "Futura");
  CHECK(facts.fonts_missing[0].used == "DejaVu Sans");
  CHECK(facts.fonts_missing[1].used.empty());
  CHECK(facts.links_blocked == std::vector<std::string>{"http://example.org/a.png", "file:///etc/passwd"});
  CHECK(facts.has_early_page);
  CHECK(desk.seen.empty());
}

TEST_CASE("a document cannot fill the receipt") {
  Desk desk;
  for (int i = 0; i < 300; ++i) desk.tells(OfficeLinks{{std::to_string(i) + std::string(1000, 'x')}});
  CHECK(desk.reader->facts().links_blocked.size() == 100);
  CHECK(desk.reader->facts().links_blocked.front().size() == 300);
  for (int i = 0; i < 300; ++i) {
    OfficeFonts fonts;
    fonts.missing.push_back({std::to_string(i) + std::string(400, 'x'), std::string(400, 'y')});
    desk.tells(fonts);
  }
  CHECK(desk.reader->facts().fonts_missing.size() == 100);
  CHECK(desk.reader->facts().fonts_missing.front().requested.size() == 300);
  CHECK(desk.reader->facts().fonts_missing.front().used.size() == 300);
}
