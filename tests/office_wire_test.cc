#include "convd/process/office_wire.h"

#include "tests/support/catch.h"

using namespace convd::process;

TEST_CASE("a job for the warm LibreOffice comes through whole") {
  Convert convert;
  convert.id = 7;
  convert.workspace = "/workspaces/7";
  convert.job = {"source.docx",
                 "docx",
                 "source.pdf",
                 "MS Word 2007 XML",
                 "",
                 "geh\u00e9im\"",
                 "writer_pdf_Export",
                 "",
                 {{"PageRange", ValueKind::text, "2-3"}, {"Quality", ValueKind::number, "80"}},
                 "",
                 "de-DE",
                 false,
                 true,
                 {"1", "Summe, gesamt"},
                 TrackedChanges::hidden,
                 true,
                 true,
                 2};
  convert.limits.memory_bytes = std::int64_t{1} << 31;
  const auto decoded = decode_office(encode_office(convert));
  REQUIRE(decoded.ok());
  const auto& job = std::get<Convert>(*decoded).job;
  CHECK(std::get<Convert>(*decoded).limits.memory_bytes == std::int64_t{1} << 31);
  CHECK(job.inspection == "docx");
  CHECK(job.password == convert.job.password);
  REQUIRE(job.export_data.size() == 2);
  CHECK(job.export_data[1].kind == ValueKind::number);
  CHECK(job.sheets == convert.job.sheets);
  CHECK(job.changes == TrackedChanges::hidden);
  CHECK(job.processes == 2);
}

TEST_CASE("what the office says of itself") {
  CHECK(std::holds_alternative<Drain>(*decode_office(encode_office(Drain{}))));
  CHECK(std::get<OfficeReady>(*decode_office(encode_office(OfficeReady{"7.4", "seccomp"}))).version == "7.4");
  CHECK(std::get<ChildEnded>(*decode_office(encode_office(ChildEnded{3, 9, 1, 2, 5}))).status == 9);
  CHECK(decode_office("{}").error().message.find("$.type") != std::string::npos);
  CHECK(decode_office(R"({"type":"started"})").error().message.find("$.id") != std::string::npos);
}

TEST_CASE("notes of a child are lines; what is none is no note") {
  const auto step = decode_note(encode_note(OfficeStep{OfficePhase::writing, 13, 30}));
  REQUIRE(step);
  CHECK(std::get<OfficeStep>(*step).phase == OfficePhase::writing);
  CHECK(std::get<OfficeStep>(*step).done == 13);
  const auto failed = decode_note(encode_note(OfficeFailed{shared::ErrorCode::input_encrypted, "needs a password"}));
  REQUIRE(failed);
  CHECK(std::get<OfficeFailed>(*failed).code == shared::ErrorCode::input_encrypted);
  CHECK_FALSE(decode_note("warn:vcl: nothing"));
  CHECK_FALSE(decode_note(R"({"type":"step","phase":"sleeping","done":1,"total":2})"));
  CHECK(encode_note(OfficeLinks{{"http://x/\n"}}).find('\n') == std::string::npos);
}
