#include "shared/protocol.h"

#include "shared/time.h"
#include "tests/support/catch.h"

using shared::StatusObject;

TEST_CASE("the status object has every field of the contract, null when unknown") {
  StatusObject object;
  object.id = "x";
  CHECK(
      shared::to_json(object).dump() ==
      R"({"id":"x","filename":"","status":"pending","progress":0,"message":"","created_at":"","started_at":null,)"
      R"("completed_at":null,"error":null,"rev":0,"from":"","to":"","attempt":0,"position":null,"eta_ms":null,"stage":null,)"
      R"("result":null,"error_info":null,"batch":null,"labels":{}})");
}

TEST_CASE("the status object survives the wire") {
  StatusObject object;
  object.id = "018f";
  object.status = shared::Status::error;
  object.error = "no";
  object.error_info = shared::ErrorInfo{shared::ErrorCode::input_encrypted, false, "libreoffice", "tail"};
  object.stage = shared::Stage{"poppler", 1, 2, "page", 3, 12, shared::ProgressKind::measured};
  object.result = shared::ResultInfo{{"a.zip", "application/zip", 10, "ab"}, {{"1.png", "image/png", 5, "cd"}}, {}};
  object.labels = {{"team", "red"}};
  object.retry_of = "017a";
  const auto json = shared::to_json(object);
  auto back = shared::status_object_from(json.read());
  REQUIRE(back);
  CHECK(shared::to_json(*back).dump() == json.dump());
}

TEST_CASE("a status object that is not one is refused with the path") {
  auto json = shared::Json::parse(R"({"stage":{"done":"x"}})");
  CHECK(shared::status_object_from(json->read()).error().message.find("$.stage.done: expected a whole number") == 0);
  json = shared::Json::parse(R"({"status":"queued"})");
  CHECK(shared::status_object_from(json->read()).error().message == "$.status: unknown value \"queued\"");
}

TEST_CASE("every error code has a name of its own") {
  for (int i = 0; i < shared::error_code_count; ++i) {
    const auto code = static_cast<shared::ErrorCode>(i);
    CHECK(shared::error_code_from(shared::to_string(code)) == code);
  }
}

TEST_CASE("times are RFC 3339 with milliseconds") {
  CHECK(shared::to_rfc3339(1'795'251'600'123) == "2026-11-21T09:00:00.123Z");
  CHECK(shared::from_rfc3339("2026-11-21T09:00:00.123Z") == 1'795'251'600'123);
  CHECK(shared::from_rfc3339("2026-02-31T09:00:00Z") == std::nullopt);
  CHECK(shared::from_rfc3339("2026-11-21 09:00") == std::nullopt);
}
