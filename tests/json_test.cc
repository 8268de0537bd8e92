#include "shared/json.h"

#include "tests/support/catch.h"

using shared::Json;

namespace {

std::string refusal(std::string_view text) {
  auto json = Json::parse(text);
  return json ? "accepted: " + json->dump() : json.error().message;
}

}  // namespace

TEST_CASE("json is strict where the library is lax") {
  CHECK(refusal("{} x") == "text after the value at byte 2");
  CHECK(refusal("{\"a\":1,\"a\":2}") == "$.a: given twice");
  CHECK(refusal("[{\"b\":[{\"a\":1,\"a\":2}]}]") == "$[0].b[0].a: given twice");
  CHECK(refusal("\"\\u0000\"") == "\\u0000 is not allowed at byte 1");
  CHECK(refusal(std::string("\"a\0b\"", 5)) == "control character in a string at byte 2");
  CHECK(refusal("\"\xff\"") == "not valid UTF-8");
  CHECK(refusal("{\"a\":") == "syntax error at byte 5");
  CHECK(refusal("") == "syntax error at byte 0");
  CHECK(refusal(std::string(33, '[') + std::string(33, ']')) == "nested deeper than 32 at byte 32");
}

TEST_CASE("json errors carry the path") {
  auto json = Json::parse(R"({"outputs":[{"format":1},{"n":1.5}],"z":null})");
  REQUIRE(json);
  auto outputs = json->read().at("outputs")->items();
  REQUIRE(outputs);
  CHECK((*outputs)[0].at("format")->string().error().message ==
        "$.outputs[0].format: expected a string, found a number");
  CHECK((*outputs)[1].at("n")->integer(0, 9).error().message == "$.outputs[1].n: expected a whole number from 0 to 9");
  CHECK(json->read().at("z").error().message == "$.z: required");
  CHECK(json->read().only({"outputs"}).error().message == "$.z: unknown key; known are outputs");
}

TEST_CASE("json writes what it reads") {
  const std::string text = R"({"s":"Ü\n","n":123456789012345,"d":0.5,"b":true,"z":null,"a":[1,2]})";
  auto json = Json::parse(text);
  REQUIRE(json);
  CHECK(json->dump() == text);
  CHECK(json->read().clone().dump() == text);
  CHECK(Json(std::int64_t{9007199254740992}).dump() == "9007199254740992");
}
