#include "convd/api/multipart.h"

#include <functional>
#include <random>
#include <string>

#include "tests/support/catch.h"

using convd::api::MultipartLimits;
using convd::api::MultipartParser;
using convd::api::PartHead;
using convd::api::PartUse;
using shared::Error;
using shared::ErrorCode;
using shared::Result;

namespace {

// Writes down what it is told. Parts with a filename are streamed.
class Transcript final : public convd::api::PartSink {
 public:
  Result<PartUse> on_part(const PartHead& head) override {
    if (!head.filename) return PartUse::value;
    text += "file " + head.name + " <" + *head.filename + "> " + head.content_type + "\n";
    return PartUse::stream;
  }
  Result<void> on_value(const PartHead& head, std::string value) override {
    text += head.name + "=" + value + "\n";
    return {};
  }
  Result<void> on_bytes(std::string_view bytes) override {
    CHECK(!bytes.empty());
    stream.append(bytes);
    return {};
  }
  Result<void> on_stream_end() override {
    text += "  " + stream + "\n";
    stream.clear();
    return {};
  }

  std::string text;
  std::string stream;
};

using Cut = std::function<std::size_t(std::size_t left)>;

// What the parser makes of `body`, cut into pieces.
std::string parse(std::string_view body, const Cut& cut, const MultipartLimits& limits = {}) {
  Transcript transcript;
  MultipartParser parser("XX", transcript, limits);
  while (!body.empty()) {
    const std::size_t size = std::min(cut(body.size()), body.size());
    if (auto outcome = parser.feed(body.substr(0, size)); !outcome) return "error: " + outcome.error().message;
    body.remove_prefix(size);
  }
  if (auto outcome = parser.finish(); !outcome) return "error: " + outcome.error().message;
  return transcript.text;
}

std::string parse(std::string_view body, const MultipartLimits& limits = {}) {
  return parse(
      body, [](std::size_t left) { return left; }, limits);
}

// One field "a" with these headers.
std::string with_headers(const std::string& headers) {
  return parse("--XX\r\n" + headers + "\r\n\r\nv\r\n--XX--\r\n");
}

const std::string disposition = "Content-Disposition: form-data; name=\"a\"";

const std::string sample =
    "a preamble\r\n"
    "--XX \t\r\n"
    "Content-Disposition: form-data; name=\"to\"\r\n\r\npdf\r\n"
    "--XX\r\n"
    "content-disposition:form-data;name=file;filename=\"two words.docx\"\r\n"
    "X-Other: 1\r\n"
    "Content-Type: application/octet-stream\r\n\r\n"
    "\r\n--X\r\n-\r\r\n--\r\nline\n--XX inside\r\n\r\n"
    "--XX\r\n"
    "Content-Disposition: form-data; name=\"empty\"\r\n\r\n\r\n"
    "--XX\r\n"
    "Content-Disposition: form-data; name=\"bodyless\"\r\n\r\n"
    "--XX--\r\nan epilogue\r\n--XX\r\n";

const std::string sample_parts =
    "to=pdf\n"
    "file file <two words.docx> application/octet-stream\n"
    "  \r\n--X\r\n-\r\r\n--\r\nline\n--XX inside\r\n\n"
    "empty=\n"
    "bodyless=\n";

}  // namespace

TEST_CASE("a form is the same however it is cut") {
  CHECK(parse(sample) == sample_parts);
  CHECK(parse(sample, [](std::size_t) { return 1; }) == sample_parts);
  for (std::size_t at = 1; at < sample.size(); ++at) {
    const std::size_t rest = sample.size() - at;
    const std::string parts = parse(sample, [&](std::size_t left) { return left > rest ? left - rest : left; });
    if (parts != sample_parts) FAIL("cut at byte " << at << ":\n" << parts);
  }
  std::mt19937 random(20'261'121);
  for (int round = 0; round < 500; ++round) {
    const std::size_t most = 1 + random() % 40;
    const std::string parts = parse(sample, [&](std::size_t) { return 1 + random() % most; });
    if (parts != sample_parts) FAIL("round " << round << ":\n" << parts);
  }
}

TEST_CASE("random bytes survive in a file, and random bytes as a form only ever give an error") {
  std::mt19937 random(7);
  const std::string alphabet = "\r\n-X:a;=\" ";
  for (int round = 0; round < 500; ++round) {
    std::string bytes;
    for (std::size_t i = random() % 200; i > 0; --i) bytes += alphabet[random() % alphabet.size()];
    CHECK(parse(bytes, [&](std::size_t) { return 1 + random() % 9; }) != "");
    if (("\r\n" + bytes).find("\r\n--XX") != std::string::npos) continue;
    const std::string body =
        "--XX\r\nContent-Disposition: form-data; name=f; filename=n\r\n\r\n" + bytes + "\r\n--XX--";
    CHECK(parse(body, [&](std::size_t) { return 1 + random() % 9; }) == "file f <n> \n  " + bytes + "\n");
  }
}

TEST_CASE("names come as browsers, curl and RFC 8187 write them") {
  const auto file_named = [](const std::string& parameter) {
    return with_headers("Content-Disposition: form-data; name=\"f\"; " + parameter);
  };
  CHECK(file_named("filename=\"100%.txt\"") == "file f <100%.txt> \n  v\n");
  CHECK(file_named("filename=\"a%22b%22.txt\"") == "file f <a\"b\".txt> \n  v\n");
  CHECK(file_named("filename=\"a%0D%0Ab\"") == "file f <a\r\nb> \n  v\n");
  CHECK(file_named("filename=\"a\\\"b\\\\c.txt\"") == "file f <a\"b\\c.txt> \n  v\n");
  CHECK(file_named("filename=\"C:\\x.txt\"") == "file f <C:\\x.txt> \n  v\n");
  CHECK(file_named("filename=\"a;b=c.txt\"") == "file f <a;b=c.txt> \n  v\n");
  CHECK(file_named("filename=\"\xC3\x9C \xE6\x96\x87.txt\"") == "file f <\xC3\x9C \xE6\x96\x87.txt> \n  v\n");
  CHECK(file_named("filename=\"\"") == "file f <> \n  v\n");
  CHECK(file_named("filename=x; filename*=UTF-8''na%C3%AFve%20%25.txt") == "file f <na\xC3\xAFve %.txt> \n  v\n");
  CHECK(file_named("filename*=iso-8859-1'de'%FC.txt; filename=x") == "file f <\xC3\xBC.txt> \n  v\n");
  CHECK(file_named("filename*=UTF-8''%FC.txt") ==
        "error: multipart body: filename* must look like UTF-8''na%C3%AFve.txt (RFC 8187)");
  CHECK(file_named("filename=\"\xFC.txt\"") == "error: the filename of a part is not valid UTF-8");
  CHECK(with_headers("Content-Disposition: form-data; name=\"a%22b\"") == "a\"b=v\n");
}

TEST_CASE("a malformed form is refused by name") {
  const std::string head = "--XX\r\n" + disposition;
  CHECK(parse("") == "error: multipart body: no boundary line in it");
  CHECK(parse("x--XX\r\n") == "error: multipart body: no boundary line in it");
  CHECK(parse(head + "\r\n\r\nhello") == "error: multipart body: it ends before the closing boundary");
  CHECK(parse(head + "\r\n") == "error: multipart body: it ends before the closing boundary");
  CHECK(parse("--XXX\r\n") == "error: multipart body: a boundary must be followed by the end of the line or \"--\"");
  CHECK(parse("--XX\n" + disposition) ==
        "error: multipart body: a boundary must be followed by the end of the line or \"--\"");
  CHECK(parse("--XX" + std::string(300, ' ')) == "error: multipart body: too many blanks after a boundary");
  CHECK(parse("--XX\r\n\r\nv\r\n--XX--") == "error: multipart body: a part without Content-Disposition");
  CHECK(with_headers("Content-Type: text/plain") == "error: multipart body: a part without Content-Disposition");
  CHECK(with_headers("Content-Disposition: attachment; name=a") ==
        "error: multipart body: Content-Disposition must be form-data");
  CHECK(with_headers("Content-Disposition: form-data") == "error: multipart body: a part without a name");
  CHECK(with_headers("Content-Disposition: form-data; name=\"a") ==
        "error: multipart body: Content-Disposition: the value of name has no closing quote");
  CHECK(with_headers("Content-Disposition: form-data; name=a; name=b") ==
        "error: multipart body: Content-Disposition: name is given twice");
  CHECK(with_headers(disposition + "\r\n" + disposition) ==
        "error: multipart body: two Content-Disposition headers in one part");
  CHECK(with_headers(disposition + "\r\n folded") ==
        "error: multipart body: a part header that is not \"Name: value\"");
  CHECK(with_headers(disposition + "\nX: y") == "error: multipart body: a control byte in a part header");
  CHECK(with_headers(disposition + "\r\nContent-Transfer-Encoding: base64") ==
        "error: multipart body: Content-Transfer-Encoding \"base64\" is not supported; send the bytes as they are");
  CHECK(with_headers(disposition + "\r\nContent-Transfer-Encoding: BINARY") == "a=v\n");
}

TEST_CASE("a form has limits") {
  const MultipartLimits limits{.head_bytes = 60, .value_bytes = 4, .parts = 2};
  const std::string part = "--XX\r\n" + disposition + "\r\n\r\nfour\r\n";
  CHECK(parse(part + part + "--XX--", limits) == "a=four\na=four\n");
  CHECK(parse(part + part + part + "--XX--", limits) == "error: multipart body: more than 2 parts");
  CHECK(parse("--XX\r\n" + disposition + "\r\n\r\nfives\r\n--XX--", limits) == "error: the field a is over 4 bytes");
  CHECK(parse("--XX\r\nA: " + std::string(60, 'a'), limits) ==
        "error: multipart body: the headers of a part are over 60 bytes");
}

TEST_CASE("a head as long as it may be is accepted however it is cut") {
  const auto form = [](std::size_t padding) {
    return "--XX\r\nContent-Disposition: form-data; name=a\r\nX: " + std::string(padding, 'x') + "\r\n\r\nv\r\n--XX--";
  };
  const std::size_t fixed = std::string("\r\nContent-Disposition: form-data; name=a\r\nX: ").size();
  const MultipartLimits limits{.head_bytes = 100, .value_bytes = 10, .parts = 1};
  for (const std::size_t piece : {1, 2, 3, 4, 1000}) {
    INFO(piece);
    const Cut cut = [piece](std::size_t) { return piece; };
    CHECK(parse(form(100 - fixed), cut, limits) == "a=v\n");
    CHECK(parse(form(101 - fixed), cut, limits).find("over 100 bytes") != std::string::npos);
  }
}

TEST_CASE("what the sink refuses ends the form") {
  class Refusing final : public convd::api::PartSink {
    Result<PartUse> on_part(const PartHead&) override { return PartUse::stream; }
    Result<void> on_value(const PartHead&, std::string) override { return {}; }
    Result<void> on_bytes(std::string_view) override { return Error{ErrorCode::disk_full, "full", {}}; }
    Result<void> on_stream_end() override { return {}; }
  } sink;
  MultipartParser parser("XX", sink);
  CHECK(parser.feed("--XX\r\n" + disposition + "\r\n\r\nbytes\r\n").error().code == ErrorCode::disk_full);
}

TEST_CASE("the boundary comes from the content type") {
  const auto boundary = [](std::string_view content_type) {
    auto result = MultipartParser::boundary_of(content_type);
    return result ? *result : "error: " + result.error().message;
  };
  CHECK(boundary("multipart/form-data; boundary=----WebKitFormBoundary7MA4YWxk") == "----WebKitFormBoundary7MA4YWxk");
  CHECK(boundary("Multipart/Form-Data; charset=utf-8; Boundary=\"a b:c\"") == "a b:c");
  CHECK(boundary("multipart/form-data") == "error: Content-Type: multipart/form-data needs a boundary parameter");
  const std::string insane = "error: Content-Type: the boundary must be 1 to 70 characters as RFC 2046 allows";
  CHECK(boundary("multipart/form-data; boundary=\"\"") == insane);
  CHECK(boundary("multipart/form-data; boundary=\"a \"") == insane);
  CHECK(boundary("multipart/form-data; boundary=" + std::string(71, 'a')) == insane);
  CHECK(boundary("multipart/form-data; boundary=\"a\\\"b\"") == insane);
}
