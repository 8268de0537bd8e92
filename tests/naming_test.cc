#include "convd/jobs/naming.h"

#include "convd/jobs/manager.h"
#include "convd/jobs/presentable.h"
#include "convd/jobs/uuid.h"
#include "shared/utf8.h"
#include "tests/support/catch.h"

using namespace convd::jobs;

namespace {

std::string refusal(std::string_view name) {
  const auto checked = check_filename(name);
  if (checked) return "";
  CHECK(checked.error().code == shared::ErrorCode::invalid_filename);
  return checked.error().message;
}

}  // namespace

TEST_CASE("a filename is a name and not a path") {
  CHECK(refusal("Übersicht 2026 (final).docx").empty());
  CHECK(refusal(std::string(255, 'a')).empty());
  CHECK(refusal("") == "the filename is empty");
  CHECK(refusal(std::string(256, 'a')) == "the filename is longer than 255 bytes");
  CHECK(refusal("a/b.pdf") == "the filename contains a path separator; give the name of a document, not a path");
  CHECK_FALSE(refusal("a\\b.pdf").empty());
  CHECK_FALSE(refusal("..").empty());
  CHECK_FALSE(refusal("a..pdf").empty());
  CHECK_FALSE(refusal(".").empty());
  CHECK_FALSE(refusal(std::string_view("a\0b", 3)).empty());
  CHECK_FALSE(refusal("a\nb").empty());
  CHECK_FALSE(refusal("a\x7f").empty());
  CHECK_FALSE(refusal("\xff.pdf").empty());
}

TEST_CASE("results are named after the document") {
  CHECK(result_name(result_stem("report.final.docx"), "pdf", 1, 1) == "report.final.pdf");
  CHECK(result_name(result_stem("Größe.pdf"), "png", 2, 12) == "Größe-2.png");
  CHECK(result_stem("README") == "README");
  CHECK(result_stem(".pdf") == "result");
  CHECK(result_stem(".hidden.pdf") == "hidden");
}

TEST_CASE("a long name is cut between characters") {
  std::string name = "a";
  for (int i = 0; i < 120; ++i) name += "ü";
  const std::string stem = result_stem(name + ".pdf");
  CHECK(stem.size() == 199);
  CHECK(shared::is_utf8(stem));
}

TEST_CASE("an engine's words are made presentable") {
  CHECK(presentable("fine\n\tÜ", {}) == "fine\n\tÜ");
  CHECK(presentable(std::string_view("a\0\x1b[1mb", 7), {}) == "a[1mb");
  CHECK(presentable("\xc3(", {}) == "\xEF\xBF\xBD(");
  CHECK(presentable("open hunter2: bad hunter2", {"hunter2"}) == "open ***: bad ***");
}

TEST_CASE("ids are UUIDs of version 7 that sort by time") {
  UuidSource source(7);
  const std::string first = source.next(1'795'251'600'123);
  CHECK(first.size() == 36);
  CHECK(first.substr(0, 13) == "01a1fd55-7afb");
  CHECK(first[14] == '7');
  CHECK(std::string("89ab").find(first[19]) != std::string::npos);
  std::string before = first;
  for (int i = 0; i < 10'000; ++i) {
    const std::string next = source.next(1'795'251'600'123 - i % 3);
    REQUIRE(before < next);
    before = next;
  }
  CHECK(before < source.next(1'795'251'600'124));
}
