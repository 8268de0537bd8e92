// The pure parts of transport/: targets, header rules, framing, response heads, WebSocket frames.

#include "convd/transport/request_head.h"

#include "convd/transport/body_decoder.h"
#include "convd/transport/body_pace.h"
#include "convd/transport/head_parser.h"
#include "convd/transport/head_rules.h"
#include "convd/transport/response_writer.h"
#include "tests/support/catch.h"
#include "tests/support/fake_loop.h"

#include <random>

using namespace convd;
using namespace convd::transport;
using Path = std::vector<std::string>;
using Query = std::vector<std::pair<std::string, std::string>>;

namespace {

const Limits limits;

Path path_of(std::string_view target) {
  const auto out = parse_target(target);
  REQUIRE(out.ok());
  return out->path;
}

Head parsed(const std::string& head) {
  auto out = parse_head(head, limits);
  INFO((out.ok() ? "" : out.error().message));
  REQUIRE(out.ok());
  return std::move(*out);
}

// Feeds `bytes` in pieces of `size`; gives the body, or the code of the error.
std::string decoded(BodyDecoder& decoder, std::string_view bytes, std::size_t size) {
  std::string body;
  while (!bytes.empty() && !decoder.done()) {
    std::string_view piece = bytes.substr(0, size);
    const std::size_t before = piece.size();
    while (!piece.empty() && !decoder.done()) {
      if (auto step = decoder.step(piece, [&](std::string_view part) { body += part; }); !step) {
        return "error " + std::string(to_string(step.error().code));
      }
    }
    bytes.remove_prefix(before - piece.size());
  }
  return body + (decoder.done() ? "" : " (more)") + (bytes.empty() ? "" : " rest " + std::string(bytes));
}

}  // namespace

TEST_CASE("A target becomes segments") {
  CHECK(path_of("/") == Path{});
  CHECK(path_of("/a") == Path{"a"});
  CHECK(path_of("/a/") == Path{"a"});
  CHECK(path_of("/a/b%2Fc") == Path{"a", "b/c"});
  CHECK(path_of("/a//b") == Path{"a", "", "b"});
  CHECK(path_of("//") == Path{});
  CHECK(path_of("/a+b") == Path{"a+b"});
  CHECK(path_of("/%C3%A4.docx") == Path{"\xc3\xa4.docx"});
  CHECK(path_of("/...") == Path{"..."});
  CHECK(path_of("http://host:80/a?b") == Path{"a"});
  CHECK(path_of("http://host") == Path{});
}

TEST_CASE("A query becomes pairs in order") {
  CHECK(parse_target("/?a=1&b=2&a=3")->query == Query{{"a", "1"}, {"b", "2"}, {"a", "3"}});
  CHECK(parse_target("/?a+b=c%2Bd&&x=y=z&empty=&bare")->query ==
        Query{{"a b", "c+d"}, {"x", "y=z"}, {"empty", ""}, {"bare", ""}});
  CHECK(parse_target("/?")->query.empty());
  CHECK(parse_target("/?a=/../b")->query == Query{{"a", "/../b"}});
}

TEST_CASE("Targets that are refused") {
  for (const char* target : {"", "a", "*", "/%", "/%4", "/%4x", "/%00", "/%1f", "/%7F", "/..", "/a/..", "/a/%2e%2e/b",
                             "/.", "/?a=%", "/?%0a", "/a#b", "ftp://host/a", "http://host?a"}) {
    INFO(target);
    const auto out = parse_target(target);
    REQUIRE_FALSE(out.ok());
    CHECK(out.error().code == shared::ErrorCode::invalid_request);
  }
}

TEST_CASE("The end of a head is found however the bytes arrive") {
  const std::string head = "GET / HTTP/1.1\r\nHost: x\r\n\r\n";
  for (std::size_t cut = 1; cut < head.size(); ++cut) {
    HeadScanner scanner(limits);
    CHECK(*scanner.find_end(std::string_view(head).substr(0, cut)) == 0);
    CHECK(*scanner.find_end(head + "GET") == head.size());
  }
  HeadScanner scanner(limits);
  CHECK_FALSE(scanner.find_end("GET / HTTP/1.1\n").ok());
  CHECK_FALSE(HeadScanner(limits).find_end("\r\nGET").ok());
  CHECK(HeadScanner(limits).find_end(std::string(limits.head_bytes + 1, 'a')).error().code ==
        shared::ErrorCode::header_too_large);
  CHECK(HeadScanner(limits).find_end(std::string(limits.head_bytes - 1, 'a')).ok());
}

TEST_CASE("A head becomes a request") {
  const Head head =
      parsed("POST /v1/x?y=1 HTTP/1.1\r\nHost: [::1]:80\r\nX-A:\t b c \t\r\nContent-LENGTH: 007\r\nx-a: d\r\n\r\n");
  CHECK(head.request.method == "POST");
  CHECK(head.request.path == Path{"v1", "x"});
  CHECK(head.request.query == Query{{"y", "1"}});
  CHECK(head.request.headers ==
        api::Headers{{"host", "[::1]:80"}, {"x-a", "b c"}, {"content-length", "007"}, {"x-a", "d"}});
  CHECK(head.request.content_length == 7);
  CHECK(head.request.has_body);
  CHECK(head.keep_alive);
  CHECK_FALSE(head.websocket);

  const Head empty = parsed("PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\nA:\r\n\r\n");
  CHECK_FALSE(empty.request.has_body);
  CHECK(empty.request.content_length == 0);
  CHECK(empty.request.headers.back().second.empty());
}

TEST_CASE("Whatever a mutated head is taken for, it breaks no rule") {
  const std::vector<std::string> seeds = {
      "GET /a?b=c HTTP/1.1\r\nHost: x\r\nAccept: */*\r\n\r\n",
      "POST /a%20b HTTP/1.1\r\nHost: x\r\nContent-Length: 12\r\n\r\n",
      "PUT / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n",
      "GET /ws HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n"};
  const std::string spice("\r\n\t :,;%0Aa/.\0\x7f\x80\xff", 18);
  std::minstd_rand random(4711);
  const auto below = [&](std::size_t n) { return static_cast<std::size_t>(random()) % n; };
  int accepted = 0;
  for (int round = 0; round < 20'000; ++round) {
    std::string bytes = seeds[below(seeds.size())];
    for (std::size_t n = below(3) + 1; n > 0; --n) {
      const std::size_t at = below(bytes.size());
      const char c = spice[below(spice.size())];
      if (below(3) == 0)
        bytes.insert(at, 1, c);
      else if (below(2) == 0)
        bytes[at] = c;
      else
        bytes.erase(at, 1 + below(4));
      if (bytes.empty()) bytes = "G";
    }
    HeadScanner scanner(limits);
    const auto size = scanner.find_end(bytes);
    if (!size || *size == 0) continue;
    const auto head = parse_head(std::string_view(bytes).substr(0, *size), limits);
    if (!head) continue;
    ++accepted;
    const auto& request = head->request;
    INFO(bytes);
    std::size_t hosts = 0;
    for (const auto& [name, value] : request.headers) {
      hosts += name == "host" ? 1 : 0;
      const std::string_view control("\r\n\0\x7f", 4);
      if (name.empty() || (name + value).find_first_of(control) != std::string::npos)
        FAIL("control byte or empty name");
    }
    if (hosts > 1 || (hosts == 0 && !head->http_1_0)) FAIL("Host");
    if (head->chunked && request.content_length) FAIL("two framings");
    if (request.content_length.value_or(0) < 0) FAIL("negative length");
    for (const auto& segment : request.path) {
      if (segment == ".." || segment.find('\0') != std::string::npos) FAIL("segment");
    }
  }
  CHECK(accepted > 1000);
}

TEST_CASE("The rules of a head stand by themselves, whatever a library lets pass") {
  const auto of_head = [](const std::string& head) {
    const auto error = check_head(head + "\r\n\r\n", limits);
    return error ? std::string(to_string(error->code)) : std::string("good");
  };
  CHECK(of_head("GET / HTTP/1.1\r\nHost: x") == "good");
  CHECK(of_head("G(T / HTTP/1.1") == "invalid_request");
  CHECK(of_head("GET /\xc3\xa4 HTTP/1.1") == "invalid_request");
  CHECK(of_head("GET / HTTP/1.2") == "not_implemented");
  CHECK(of_head("GET / http/1.1") == "invalid_request");

  const auto is_refused = [](std::string_view line) { return check_field_line(line).has_value(); };
  CHECK_FALSE(is_refused("A:\tb"));
  for (const std::string& line :
       {std::string(" a: folded"), std::string("\ta: folded"), std::string("A : b"), std::string("A b: c"),
        std::string(": c"), std::string("abc"), std::string("A: b\0c", 6), std::string("A: \x1b[0m"),
        std::string("A: \x7f"), std::string("Content-Length:\t3"), std::string("host: x\t"),
        std::string("Transfer-Encoding:\tchunked")}) {
    INFO(line);
    CHECK(is_refused(line));
  }
}

TEST_CASE("A body has one length, told in one way") {
  const auto framing = [](const api::Headers& headers, int minor_version = 1) {
    const auto out = framing_of(headers, minor_version);
    return out.ok() ? std::string("good") : std::string(to_string(out.error().code));
  };
  const std::pair<std::string, std::string> three{"content-length", "3"};
  const std::pair<std::string, std::string> chunked{"transfer-encoding", "chunked"};
  CHECK(framing({three}) == "good");
  CHECK(framing({chunked}) == "good");
  CHECK(framing({three, three}) == "invalid_request");
  CHECK(framing({chunked, chunked}) == "invalid_request");
  CHECK(framing({three, chunked}) == "invalid_request");
  CHECK(framing({chunked, three}) == "invalid_request");
  CHECK(framing({chunked}, 0) == "invalid_request");
  for (const std::string length : {"+3", "-3", "0x3", "3x", "3, 3", "", "1000000000000000"}) {
    INFO(length);
    CHECK(framing({{"content-length", length}}) == "invalid_request");
  }
  for (const std::string coding : {"xchunked", "gzip, chunked", "chunked, chunked", "", "chu nked"}) {
    INFO(coding);
    CHECK(framing({{"transfer-encoding", coding}}) == "invalid_request");
  }
  CHECK(framing({{"transfer-encoding", std::string("identity")}}) == "not_implemented");
}

TEST_CASE("A request is for one host") {
  const auto is_refused = [](const api::Headers& headers, int minor_version = 1, std::string_view authority = {}) {
    return check_host(headers, minor_version, authority).has_value();
  };
  const std::pair<std::string, std::string> host{"host", "x:80"};
  CHECK_FALSE(is_refused({host}));
  CHECK_FALSE(is_refused({host}, 1, "X:80"));
  CHECK_FALSE(is_refused({}, 0));
  CHECK(is_refused({}));
  CHECK(is_refused({host, host}));
  CHECK(is_refused({host}, 1, "y:80"));
  for (const std::string value : {"x/y", "x:port", "user@x", "[::1", "x y"}) {
    INFO(value);
    CHECK(is_refused({{"host", value}}));
  }
}

TEST_CASE("A head has so many lines, segments and parameters") {
  const auto outcome = [](const std::string& target, std::size_t lines) {
    std::string head = "GET " + target + " HTTP/1.1\r\nHost: x\r\n";
    for (std::size_t i = 1; i < lines; ++i) head += "X: y\r\n";
    const auto out = parse_head(head + "\r\n", limits);
    return out.ok() ? "ok" : std::string(to_string(out.error().code));
  };
  const auto times = [](std::size_t count, std::string_view text) {
    std::string out;
    for (std::size_t i = 0; i < count; ++i) out += text;
    return out;
  };
  CHECK(outcome("/", limits.header_fields) == "ok");
  CHECK(outcome("/", limits.header_fields + 1) == "header_too_large");
  CHECK(outcome(times(limits.path_segments, "/a"), 1) == "ok");
  CHECK(outcome(times(limits.path_segments + 1, "/a"), 1) == "header_too_large");
  CHECK(outcome("/?" + times(limits.query_parameters, "a&"), 1) == "ok");
  CHECK(outcome("/?" + times(limits.query_parameters + 1, "a&"), 1) == "header_too_large");
}

TEST_CASE("The pace of a body is an average, after a time of grace") {
  const loop::TimePoint start{std::chrono::hours(1)};
  Limits slow;
  slow.body_rate = 100;
  slow.body_grace = milliseconds(10'000);
  BodyPace pace;
  pace.start(start);
  CHECK_FALSE(pace.is_too_slow(slow, start + milliseconds(9'999)));
  CHECK(pace.is_too_slow(slow, start + milliseconds(10'000)));
  pace.add(999);
  CHECK(pace.is_too_slow(slow, start + milliseconds(10'000)));
  pace.add(1);
  CHECK_FALSE(pace.is_too_slow(slow, start + milliseconds(10'000)));
  CHECK(pace.is_too_slow(slow, start + milliseconds(10'011)));
  slow.body_rate = 0;
  CHECK_FALSE(pace.is_too_slow(slow, start + std::chrono::hours(1)));
  pace.start(start + std::chrono::hours(1));
  slow.body_rate = 100;
  CHECK_FALSE(pace.is_too_slow(slow, start + std::chrono::hours(1)));
}

TEST_CASE("What counts as a WebSocket handshake") {
  const auto is_websocket = [](const std::string& line, const std::string& lines) {
    return parsed(line + "\r\nHost: x\r\n" + lines + "\r\n").websocket;
  };
  CHECK(is_websocket("GET / HTTP/1.1", "Upgrade: websocket\r\nConnection: upgrade\r\n"));
  CHECK(is_websocket("GET / HTTP/1.1", "upgrade: WEBSOCKET\r\nconnection: keep-alive ,\tUpgrade\r\n"));
  CHECK_FALSE(is_websocket("GET / HTTP/1.1", "Upgrade: websocket\r\n"));
  CHECK_FALSE(is_websocket("GET / HTTP/1.1", "Connection: upgrade\r\n"));
  CHECK_FALSE(is_websocket("GET / HTTP/1.1", "Upgrade: h2c\r\nConnection: upgrade\r\n"));
  CHECK_FALSE(is_websocket("GET / HTTP/1.1", "Upgrade: websocket\r\nUpgrade: h2c\r\nConnection: upgrade\r\n"));
  CHECK_FALSE(is_websocket("GET / HTTP/1.0", "Upgrade: websocket\r\nConnection: upgrade\r\n"));
  CHECK_FALSE(is_websocket("POST / HTTP/1.1", "Upgrade: websocket\r\nConnection: upgrade\r\n"));
  CHECK_FALSE(is_websocket("GET / HTTP/1.1", "Upgrade: websocket\r\nConnection: upgrade\r\nContent-Length: 1\r\n"));
}

TEST_CASE("Chunks are decoded however the bytes arrive") {
  for (std::size_t size : {1, 2, 3, 7, 100}) {
    BodyDecoder decoder(limits);
    decoder.start_chunked();
    CHECK(decoded(decoder, "3\r\nabc\r\n00A;x=\"y\"\r\n0123456789\r\n0\r\nT: u\r\n\r\nGET", size) ==
          "abc0123456789 rest GET");
    decoder.start_counted(4);
    CHECK(decoded(decoder, "abcdef", size) == "abcd rest ef");
  }
  BodyDecoder decoder(limits);
  decoder.start_chunked();
  CHECK(decoded(decoder, "3\r\nab", 100) == "ab (more)");
  for (const char* bad : {"x\r\n", " 3\r\nabc\r\n", "3 \r\nabc\r\n", "3\rabc\r\n", "3;a\rb\r\nabc\r\n", "3\nabc",
                          "3\r\nabcd\r\n", "3\r\nabc\n", "-1\r\n", "1234567890123\r\n", "0\r\n T: u\r\n"}) {
    INFO(bad);
    decoder.start_chunked();
    CHECK(decoded(decoder, bad, 1) == "error invalid_request");
  }
  decoder.start_chunked();
  CHECK(decoded(decoder, "\r\n\r\n", 1) == "error invalid_request");
  decoder.start_chunked();
  CHECK(decoded(decoder, "3;" + std::string(300, 'a') + "\r\nabc\r\n0\r\n\r\n", 1) == "error invalid_request");
}

TEST_CASE("A response head") {
  tests::FakeLoop loop;
  DateCache date(loop);
  CHECK(date.text() == "Mon, 21 Sep 2026 14:13:20 GMT");
  loop.advance(std::chrono::milliseconds(1000));
  CHECK(date.text() == "Mon, 21 Sep 2026 14:13:21 GMT");

  const api::Response response{409, {{"X", "a\nb"}}, "body"};
  CHECK(head_of(response, {false, Persistence::keep_alive, "D"}) ==
        "HTTP/1.1 409 Conflict\r\nX: a b\r\nContent-Length: 4\r\nDate: D\r\n\r\n");
  CHECK(head_of({204, {}, ""}, {false, Persistence::close, "D"}) ==
        "HTTP/1.1 204 No Content\r\nDate: D\r\nConnection: close\r\n\r\n");
  const api::Response stream{200, {}, std::unique_ptr<api::BodyStream>()};
  CHECK(head_of(stream, {false, Persistence::close, "D", true}) ==
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nDate: D\r\nConnection: close\r\n\r\n");
  CHECK(head_of(stream, {false, Persistence::close, "D"}) == "HTTP/1.1 200 OK\r\nDate: D\r\nConnection: close\r\n\r\n");
}
