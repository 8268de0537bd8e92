// The pure parts of api/ that read header fields, queries and urlencoded forms.

#include "convd/api/conditions.h"

#include <limits>

#include "convd/api/form.h"
#include "convd/api/header_value.h"
#include "convd/api/query.h"
#include "convd/api/text.h"
#include "convd/api/trace.h"
#include "tests/support/catch.h"

using namespace convd::api;

namespace {

std::string range(std::string_view field, std::int64_t size_bytes) {
  const ByteRange parsed = parse_range(field, size_bytes);
  if (parsed.kind == ByteRange::Kind::whole) return "whole";
  if (parsed.kind == ByteRange::Kind::unsatisfiable) return "416";
  return std::to_string(parsed.offset) + "+" + std::to_string(parsed.length);
}

std::string form(std::string_view body) {
  const auto fields = parse_form(body);
  if (!fields) return "error: " + fields.error().message;
  std::string text;
  for (const auto& [name, value] : *fields) text += "[" + name + "|" + value + "]";
  return text;
}

std::string field(std::string_view text) {
  const auto value = parse_header_value(text);
  if (!value) return "error: " + value.error().message;
  std::string out = value->value;
  for (const auto& [name, param] : value->params) out += " [" + name + "|" + param + "]";
  return out;
}

}  // namespace

TEST_CASE("ranges follow RFC 9110") {
  CHECK(range("", 10) == "whole");
  CHECK(range("bytes=0-0", 10) == "0+1");
  CHECK(range("bytes=2-5", 10) == "2+4");
  CHECK(range("Bytes = 2-5", 10) == "2+4");
  CHECK(range("bytes=2-", 10) == "2+8");
  CHECK(range("bytes=2-99", 10) == "2+8");
  CHECK(range("bytes=9-99999999999999999999999", 10) == "9+1");
  CHECK(range("bytes=-3", 10) == "7+3");
  CHECK(range("bytes=-30", 10) == "0+10");
  CHECK(range("bytes=, 1-2 ,", 10) == "1+2");
  SECTION("behind the end is not satisfiable") {
    CHECK(range("bytes=10-", 10) == "416");
    CHECK(range("bytes=99999999999999999999999-", 10) == "416");
    CHECK(range("bytes=-0", 10) == "416");
    CHECK(range("bytes=0-", 0) == "416");
  }
  SECTION("several, malformed and foreign ones mean the whole") {
    CHECK(range("bytes=0-1,3-4", 10) == "whole");
    CHECK(range("bytes=5-2", 10) == "whole");
    CHECK(range("bytes=a-b", 10) == "whole");
    CHECK(range("bytes=1-b", 10) == "whole");
    CHECK(range("bytes=-", 10) == "whole");
    CHECK(range("bytes=--1", 10) == "whole");
    CHECK(range("bytes=5", 10) == "whole");
    CHECK(range("items=0-1", 10) == "whole");
    CHECK(range("bytes=-5", 0) == "whole");
  }
}

TEST_CASE("etags are compared as the field asks") {
  CHECK(names_etag("\"a\"", "\"a\""));
  CHECK(names_etag("\"x\", W/\"a\"", "\"a\""));
  CHECK(names_etag("\"x,y\",\"a\"", "\"a\""));
  CHECK(names_etag("*", "\"a\""));
  CHECK_FALSE(names_etag("\"x\"", "\"a\""));
  CHECK_FALSE(names_etag("a", "\"a\""));
  CHECK_FALSE(names_etag("", "\"a\""));
  CHECK(range_applies("", "\"a\""));
  CHECK(range_applies("\"a\"", "\"a\""));
  CHECK_FALSE(range_applies("W/\"a\"", "\"a\""));
  CHECK_FALSE(range_applies("Sat, 21 Nov 2026 09:00:00 GMT", "\"a\""));
}

TEST_CASE("a preference never fails a request") {
  CHECK(preferred_wait_s("wait=10") == 10);
  CHECK(preferred_wait_s("respond-async, Wait = \"5\"; x=y") == 5);
  CHECK(preferred_wait_s("wait=99999999999999999999") > 60);
  for (const char* none : {"", "wait", "wait=", "wait=-1", "wait=1.5", "waits=3", "respond-async"}) {
    CHECK(preferred_wait_s(none) == std::nullopt);
  }
}

TEST_CASE("files are saved under their own names") {
  CHECK(attachment("report.pdf") == "attachment; filename=\"report.pdf\"; filename*=UTF-8''report.pdf");
  CHECK(attachment("a+b (1).md") == "attachment; filename=\"a+b (1).md\"; filename*=UTF-8''a+b%20%281%29.md");
  CHECK(attachment("\xC3\x9Cn\xC3\xAF \xF0\x9F\x93\x84.docx") ==
        "attachment; filename=\"_n_ _.docx\"; filename*=UTF-8''%C3%9Cn%C3%AF%20%F0%9F%93%84.docx");
  CHECK(attachment("a\"b\\c%41.txt") == "attachment; filename=\"a_b_c_41.txt\"; filename*=UTF-8''a%22b%5Cc%2541.txt");
  CHECK(attachment("a\r\nSet-Cookie: x") ==
        "attachment; filename=\"a__Set-Cookie: x\"; filename*=UTF-8''a%0D%0ASet-Cookie%3A%20x");
}

TEST_CASE("parameterised fields") {
  CHECK(field("Text/HTML") == "text/html");
  CHECK(field("a; B=c ;d=\"e;f\\\"g\\\\h\\i\";") == "a [b|c] [d|e;f\"g\\h\\i]");
  CHECK(field("a; b=\"x\"; c=y") == "a [b|x] [c|y]");
  CHECK(field("") == "error: no value before the parameters");
  CHECK(field("a; b") == "error: expected name=value after \";\"");
  CHECK(field("a; =b") == "error: expected name=value after \";\"");
  CHECK(field("a; b=") == "error: the value of b must be a token or a quoted string");
  CHECK(field("a; b=c d") == "error: the value of b must be a token or a quoted string");
  CHECK(field("a; b=\"c\" d") == "error: text after a quoted value");
  CHECK(field("a; b=1; B=2") == "error: b is given twice");
}

TEST_CASE("body types") {
  CHECK(body_type("application/json") == BodyType::json);
  CHECK(body_type(" Application/JSON ; charset=utf-8") == BodyType::json);
  CHECK(body_type("application/vnd.api+json") == BodyType::json);
  CHECK(body_type("multipart/form-data; boundary=x") == BodyType::multipart);
  CHECK(body_type("application/x-www-form-urlencoded") == BodyType::urlencoded);
  CHECK(body_type("text/plain") == BodyType::other);
  CHECK(body_type("multipart/mixed") == BodyType::other);
  CHECK(body_type("") == BodyType::absent);
}

TEST_CASE("what a client accepts, by the closest range") {
  CHECK(accept_quality("", "text/html") == 1);
  CHECK(accept_quality("application/json", "text/html") == 0);
  CHECK(accept_quality("application/json, */*;q=0.1", "text/html") == Approx(0.1));
  CHECK(accept_quality("text/*;q=0.5, text/html;q=0.2, */*", "text/html") == Approx(0.2));
  CHECK(accept_quality("text/*;q=0.5, */*", "text/plain") == Approx(0.5));
  CHECK(accept_quality("application/json, text/plain, */*", "application/pdf") == 1);
}

TEST_CASE("a malformed weight counts for nothing") {
  for (const char* weight : {"1.001", "2", "-1", "nan", "inf", "0x1p3", "0.1234", ".5", "1e1", ""}) {
    INFO(weight);
    CHECK(accept_quality(std::string("text/html;q=\"") + weight + "\", text/*;q=0.25", "text/html") == Approx(0.25));
  }
  CHECK(accept_quality("text/html;q=0.125", "text/html") == Approx(0.125));
  CHECK(accept_quality("text/html;q=1.", "text/html") == 1);
}

TEST_CASE("urlencoded forms") {
  CHECK(form("") == "");
  CHECK(form("filename=a+b%2Bc.docx&to=pdf") == "[filename|a b+c.docx][to|pdf]");
  CHECK(form("&a=1&&b&c==&=d&") == "[a|1][b|][c|=][|d]");
  CHECK(form("n=%C3%9C") == "[n|\xC3\x9C]");
  CHECK(form("n=%2") == "error: form body: \"%\" must be followed by two hex digits");
  CHECK(form("n=%zz") == "error: form body: \"%\" must be followed by two hex digits");
  CHECK(form("n=%FF") == "error: form body: not valid UTF-8");
  std::string many;
  for (std::size_t i = 0; i < most_form_fields; ++i) many += "a&";
  CHECK(parse_form(many));
  CHECK(form(many + "a") == "error: form body: more than 256 fields");
}

TEST_CASE("percent encoding is undone exactly") {
  std::string all;
  for (int c = 0; c < 256; ++c) all += static_cast<char>(c);
  CHECK(percent_decode(percent_encode(all)) == all);
  CHECK(percent_encode("a-b.c_d~e/f g") == "a-b.c_d~e%2Ff%20g");
  CHECK(percent_decode("%") == std::nullopt);
  CHECK(percent_decode("ab%1") == std::nullopt);
}

TEST_CASE("numbers are digits, and too large ones stay the largest") {
  constexpr std::int64_t largest = std::numeric_limits<std::int64_t>::max();
  CHECK(whole_number("0042") == 42);
  CHECK(whole_number("9223372036854775806") == largest - 1);
  for (const char* large :
       {"9223372036854775807", "9223372036854775808", "18446744073709551617", "99999999999999999999"}) {
    CHECK(whole_number(large) == largest);
  }
  for (const char* none : {"", "-1", "+1", " 1", "1 ", "1.0", "0x1"}) CHECK(whole_number(none) == std::nullopt);
}

TEST_CASE("query parameters say what would be right") {
  Request request;
  request.query = {{"limit", "7"}, {"limit", "9"}, {"wait", "61"}, {"x", ""}, {"status", "queued"}};
  CHECK(integer_param(request, "limit", 1, 500).value() == 7);
  CHECK(integer_param(request, "limit", 7, 7).value() == 7);
  CHECK_FALSE(integer_param(request, "limit", 8, 500));
  CHECK_FALSE(integer_param(request, "limit", 1, 6));
  CHECK(integer_param(request, "absent", 1, 500).value() == std::nullopt);
  CHECK(integer_param(request, "wait", 1, 60).error().message ==
        "wait: expected a whole number from 1 to 60, found \"61\"");
  CHECK(integer_param(request, "x", 1, 60).error().message == "x: expected a whole number from 1 to 60, found \"\"");
  CHECK(status_param(request).error().message ==
        "status: expected one of pending, processing, completed, error, cancelled, found \"queued\"");
  request.query = {{"status", "error"}};
  CHECK(status_param(request).value() == shared::Status::error);
}

TEST_CASE("a trace goes on when it is a trace") {
  const std::string id = "4bf92f3577b34da6a3ce929d0e0e4736";
  CHECK(trace_id_from("00-" + id + "-00f067aa0ba902b7-01") == id);
  CHECK(trace_id_from("01-" + id + "-00f067aa0ba902b7-01-later") == id);
  for (const std::string& wrong : std::vector<std::string>{
           std::string(), "00-" + id + "-00f067aa0ba902b7-01-x", "ff-" + id + "-00f067aa0ba902b7-01",
           "00-" + std::string(32, '0') + "-00f067aa0ba902b7-01", "00-" + id + "-" + std::string(16, '0') + "-01",
           "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01", "00-" + id + "-00f067aa0ba902b7"}) {
    const std::string made = trace_id_from(wrong);
    CHECK(made != id);
    CHECK(made.size() == 32);
    CHECK(made != trace_id_from(wrong));
  }
}
