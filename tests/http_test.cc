// The HTTP side of transport/ over a real socket: raw bytes in, exact behaviour out.

#include <netinet/in.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>

#include "tests/support/transport_world.h"

using namespace tests;
using namespace std::chrono_literals;

namespace {

const std::string host = "Host: x\r\n";

// What comes back for `bytes` until the server closes. The sending half stays open: that the server closes is part of
// the answer.
std::string converse(TransportWorld& world, std::string_view bytes) {
  return world.connect_and_send(bytes).rest();
}

std::string status_line(const std::string& answer) {
  return answer.substr(0, answer.find("\r\n"));
}

std::string body(const std::string& answer) {
  const std::size_t end = answer.find("\r\n\r\n");
  return end == std::string::npos ? "" : answer.substr(end + 4);
}

bool has(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

transport::ServerOptions quick(std::function<void(transport::Limits&)> change) {
  transport::ServerOptions options;
  options.limits.tick = 5ms;
  change(options.limits);
  return options;
}

struct Bad {
  const char* what;
  std::string bytes;
  int status;
};

std::vector<Bad> malformed() {
  const std::string get = "GET / HTTP/1.1\r\n" + host;
  const std::string post = "POST / HTTP/1.1\r\n" + host;
  return {
      {"two equal Content-Lengths", post + "Content-Length: 3\r\nContent-Length: 3\r\n\r\nabc", 400},
      {"two different Content-Lengths", post + "Content-Length: 3\r\nContent-Length: 4\r\n\r\nabc", 400},
      {"a list as Content-Length", post + "Content-Length: 3, 3\r\n\r\nabc", 400},
      {"a negative Content-Length", post + "Content-Length: -3\r\n\r\n", 400},
      {"a signed Content-Length", post + "Content-Length: +3\r\n\r\nabc", 400},
      {"a hexadecimal Content-Length", post + "Content-Length: 0x3\r\n\r\nabc", 400},
      {"a Content-Length with a letter", post + "Content-Length: 3x\r\n\r\nabc", 400},
      {"an empty Content-Length", post + "Content-Length:\r\n\r\n", 400},
      {"a Content-Length of 16 digits", post + "Content-Length: 1000000000000000\r\n\r\n", 400},
      {"a Content-Length of 20 digits", post + "Content-Length: 18446744073709551617\r\n\r\n", 400},
      {"Content-Length and Transfer-Encoding",
       post + "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400},
      {"Transfer-Encoding and Content-Length",
       post + "Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n0\r\n\r\n", 400},
      {"Transfer-Encoding twice", post + "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
       400},
      {"gzip, chunked", post + "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", 400},
      {"chunked, chunked", post + "Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n", 400},
      {"identity", post + "Transfer-Encoding: identity\r\n\r\n", 501},
      {"xchunked", post + "Transfer-Encoding: xchunked\r\n\r\n", 400},
      {"chunked in HTTP/1.0", "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400},
      {"no Host", "GET / HTTP/1.1\r\n\r\n", 400},
      {"two Hosts", get + "Host: x\r\n\r\n", 400},
      {"a Host with a path", "GET / HTTP/1.1\r\nHost: x/y\r\n\r\n", 400},
      {"a bare LF after the request line", "GET / HTTP/1.1\n" + host + "\r\n", 400},
      {"a bare LF after a header", "GET / HTTP/1.1\r\nHost: x\n\r\n", 400},
      {"bare LFs only", "GET / HTTP/1.1\nHost: x\n\n", 400},
      {"a bare CR in a value", get + "A: b\rc\r\n\r\n", 400},
      {"a folded header", get + "A: b\r\n c\r\n\r\n", 400},
      {"a folded first header", "GET / HTTP/1.1\r\n Host: x\r\n\r\n", 400},
      {"a space before the colon", get + "A : b\r\n\r\n", 400},
      {"a space within a name", get + "A b: c\r\n\r\n", 400},
      {"an empty name", get + ": c\r\n\r\n", 400},
      {"a line without colon", get + "abc\r\n\r\n", 400},
      {"a NUL in a value", get + std::string("A: b\0c\r\n\r\n", 10), 400},
      {"an escape byte in a value", get + "A: \x1b[0m\r\n\r\n", 400},
      {"a NUL in a name", get + std::string("A\0: b\r\n\r\n", 9), 400},
      {"an encoded NUL in the target", "GET /a%00b HTTP/1.1\r\n" + host + "\r\n", 400},
      {"an encoded line end in the query", "GET /?a=%0d%0a HTTP/1.1\r\n" + host + "\r\n", 400},
      {"a percent without digits", "GET /%zz HTTP/1.1\r\n" + host + "\r\n", 400},
      {"a cut-off percent", "GET /%2 HTTP/1.1\r\n" + host + "\r\n", 400},
      {"dot dot", "GET /a/../b HTTP/1.1\r\n" + host + "\r\n", 400},
      {"encoded dot dot", "GET /a/%2e%2E/b HTTP/1.1\r\n" + host + "\r\n", 400},
      {"a target of eight-bit bytes", "GET /\xc3\xa4 HTTP/1.1\r\n" + host + "\r\n", 400},
      {"a target without slash", "GET a HTTP/1.1\r\n" + host + "\r\n", 400},
      {"the asterisk form", "OPTIONS * HTTP/1.1\r\n" + host + "\r\n", 400},
      {"two spaces in the request line", "GET  / HTTP/1.1\r\n" + host + "\r\n", 400},
      {"a tab in the request line", "GET\t/ HTTP/1.1\r\n" + host + "\r\n", 400},
      {"a trailing space in the request line", "GET / HTTP/1.1 \r\n" + host + "\r\n", 400},
      {"HTTP/0.9", "GET /\r\n\r\n", 400},
      {"HTTP/1.2", "GET / HTTP/1.2\r\n" + host + "\r\n", 501},
      {"HTTP/2.0", "GET / HTTP/2.0\r\n" + host + "\r\n", 501},
      {"the preface of HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 501},
      {"HTTP/1.1 in small letters", "GET / http/1.1\r\n" + host + "\r\n", 400},
      {"HTTP/1.10", "GET / HTTP/1.10\r\n" + host + "\r\n", 400},
      {"a TLS hello", std::string("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 11), 400},
      {"an unknown method", "BREW / HTTP/1.1\r\n" + host + "\r\n", 501},
      {"CONNECT", "CONNECT x:80 HTTP/1.1\r\n" + host + "\r\n", 501},
      {"a method in small letters", "get / HTTP/1.1\r\n" + host + "\r\n", 501},
      {"a header block over 16 KiB", get + "A: " + std::string(17'000, 'a') + "\r\n\r\n", 431},
      {"a header block that never ends", get + std::string(17'000, 'a'), 431},
      {"many small headers",
       get +
           [] {
             std::string out;
             for (int i = 0; i < 3000; ++i) out += "A: b\r\n";
             return out;
           }() +
           "\r\n",
       431},
      {"a target over 8 KiB", "GET /" + std::string(8200, 'a') + " HTTP/1.1\r\n" + host + "\r\n", 431},
      {"a chunk size of no digits", post + "Transfer-Encoding: chunked\r\n\r\n\r\n", 400},
      {"a chunk size with a sign", post + "Transfer-Encoding: chunked\r\n\r\n+3\r\nabc\r\n0\r\n\r\n", 400},
      {"a chunk size with 0x", post + "Transfer-Encoding: chunked\r\n\r\n0x3\r\nabc\r\n0\r\n\r\n", 400},
      {"a chunk size that overflows", post + "Transfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\nabc\r\n", 400},
      {"a chunk size line ending in LF", post + "Transfer-Encoding: chunked\r\n\r\n3\nabc\r\n0\r\n\r\n", 400},
      {"a chunk extension holding LF", post + "Transfer-Encoding: chunked\r\n\r\n3;a\nb\r\nabc\r\n0\r\n\r\n", 400},
      {"an endless chunk extension", post + "Transfer-Encoding: chunked\r\n\r\n3;" + std::string(400, 'a'), 400},
      {"a chunk longer than it says", post + "Transfer-Encoding: chunked\r\n\r\n3\r\nabcd\r\n0\r\n\r\n", 400},
      {"a malformed trailer", post + "Transfer-Encoding: chunked\r\n\r\n0\r\nabc\r\n\r\n", 400},
      {"endless trailers", post + "Transfer-Encoding: chunked\r\n\r\n0\r\nA: " + std::string(9000, 'a'), 431},
  };
}

}  // namespace

TEST_CASE("What might be read in two ways is refused, with a status and the end of the connection") {
  TransportWorld world;
  for (const Bad& bad : malformed()) {
    INFO(bad.what);
    const std::string answer = converse(world, bad.bytes + "GET /smuggled HTTP/1.1\r\n" + host + "\r\n");
    CHECK(status_line(answer).substr(0, 13) == "HTTP/1.1 " + std::to_string(bad.status) + " ");
    CHECK(has(answer, "\r\nConnection: close\r\n"));
    CHECK_FALSE(has(answer, "smuggled"));
  }
  CHECK(world.eventually([&] { return world.service.connections == 0 && world.service.exchanges == 0; }));
}

TEST_CASE("The same refusals hold when the bytes come one by one") {
  TransportWorld world;
  for (const Bad& bad : malformed()) {
    if (bad.bytes.size() > 300) continue;
    INFO(bad.what);
    RawClient client = world.connect();
    for (const char c : bad.bytes) client.send({&c, 1});
    client.end_of_output();
    const std::string answer = client.rest();
    // A head that is cut off by the end of input is no request at all.
    if (!answer.empty()) CHECK(status_line(answer).substr(0, 13) == "HTTP/1.1 " + std::to_string(bad.status) + " ");
  }
}

TEST_CASE("A request is taken apart and answered") {
  TransportWorld world;
  RawClient client = world.connect();
  client.send("GET /v1/a%2Fb/?q=1+2&empty&n=%C3%A4 HTTP/1.1\r\nhOsT: localhost:80\r\nA: b\r\n\r\n");
  const std::string head = client.until("\r\n\r\n");
  CHECK(status_line(head) == "HTTP/1.1 200 OK");
  CHECK(has(head, "\r\nContent-Length: 36\r\n"));
  CHECK(has(head, "\r\nDate: "));
  CHECK(has(head, " GMT\r\n"));
  CHECK_FALSE(has(head, "Connection:"));
  CHECK(client.until("\n") == "GET /v1/a/b ?q=1 2 ?empty= ?n=\xc3\xa4 []\n");

  client.send("GET http://localhost/abs?x HTTP/1.1\r\nHost: localhost\r\n\r\n");
  client.until("\r\n\r\n");
  CHECK(client.until("\n") == "GET /abs ?x= []\n");
}

TEST_CASE("Bodies: counted, chunked with extensions and trailers, and in pieces") {
  TransportWorld world;
  RawClient client = world.connect();
  client.send("POST /a HTTP/1.1\r\n" + host + "Content-Length: 5\r\n\r\nhello");
  client.until("\r\n\r\n");
  CHECK(client.until("\n") == "POST /a [hello]\n");

  client.send("PUT /b HTTP/1.1\r\n" + host +
              "Transfer-Encoding: Chunked\r\n\r\n5;ext=1\r\nhello\r\nA\r\n, chunks!!\r\n0\r\nTrailer: x\r\n\r\n");
  client.until("\r\n\r\n");
  CHECK(client.until("\n") == "PUT /b [hello, chunks!!]\n");

  const std::string request =
      "POST /c HTTP/1.1\r\n" + host + "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n1\r\nd\r\n0\r\n\r\n";
  for (const char c : request) client.send({&c, 1});
  client.until("\r\n\r\n");
  CHECK(client.until("\n") == "POST /c [abcd]\n");

  client.send("POST /d HTTP/1.1\r\n" + host + "Content-Length: 0\r\n\r\n");
  client.until("\r\n\r\n");
  CHECK(client.until("\n") == "POST /d []\n");

  client.send("POST /e HTTP/1.1\r\n" + host + "Content-Length: 3000000\r\n\r\n");
  client.send(std::string(3'000'000, 'x'));
  client.until("\r\n\r\n");
  CHECK(client.until("\n") == "POST /e [3000000]\n");
}

TEST_CASE("Pipelined requests with bodies are answered in order") {
  TransportWorld world;
  RawClient client = world.connect();
  std::string all;
  for (int i = 0; i < 10; ++i) {
    all += "PUT /" + std::to_string(i) + " HTTP/1.1\r\n" + host + "Content-Length: 4\r\n\r\nGET ";
    all += "GET /then HTTP/1.1\r\n" + host + "\r\n";
  }
  client.send(all);
  for (int i = 0; i < 10; ++i) {
    client.until("\r\n\r\n");
    CHECK(client.until("\n") == "PUT /" + std::to_string(i) + " [GET ]\n");
    client.until("\r\n\r\n");
    CHECK(client.until("\n") == "GET /then []\n");
  }
}

TEST_CASE("What a client pipelines behind an answer that is not ready is bounded, and not lost") {
  TransportWorld world(quick([](auto& limits) { limits.input_bytes = 4096; }));
  RawClient client = world.connect();
  client.send("GET /later HTTP/1.1\r\n" + host + "\r\n");
  std::string many;
  for (int i = 0; i < 2000; ++i) many += "GET /n HTTP/1.1\r\n" + host + "\r\n";
  std::thread writer([&] { client.send(many + "GET /last HTTP/1.1\r\n" + host + "Connection: close\r\n\r\n"); });
  REQUIRE(world.eventually([&] { return world.service.later.size() == 1; }));
  CHECK(world.service.begun == 1);
  world.service.answer_later_ones();
  const std::string answer = client.rest();
  writer.join();
  CHECK(has(answer, "late\n"));
  CHECK(has(answer, "GET /last []\n"));
  CHECK(world.service.begun == 2002);
}

TEST_CASE("While an answer is awaited no more than the bound is read") {
  TransportWorld world(quick([](auto& limits) { limits.input_bytes = 4096; }));
  RawClient client = world.connect();
  client.send("GET /later HTTP/1.1\r\n" + host + "\r\n");
  REQUIRE(world.eventually([&] { return world.service.later.size() == 1; }));
  const std::string piece(16'384, 'x');
  std::size_t taken = 0;
  // Full after several turns of the loop: nobody reads on the other side.
  for (int full = 0; full < 10 && taken < 4'000'000;) {
    const ssize_t sent = ::send(client.fd(), piece.data(), piece.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
    full = sent > 0 ? 0 : full + 1;
    taken += sent > 0 ? static_cast<std::size_t>(sent) : 0;
    world.on_loop([] {});
  }
  CHECK(taken < 4'000'000);
}

TEST_CASE("Keep-alive follows the version and the Connection header") {
  TransportWorld world;
  SECTION("HTTP/1.1 close") {
    const std::string answer = converse(world, "GET / HTTP/1.1\r\n" + host + "Connection: foo, Close\r\n\r\n");
    CHECK(has(answer, "\r\nConnection: close\r\n"));
    CHECK(body(answer) == "GET  []\n");
  }
  SECTION("HTTP/1.0 closes by itself and needs no Host") {
    const std::string answer = converse(world, "GET / HTTP/1.0\r\n\r\n");
    CHECK(status_line(answer) == "HTTP/1.1 200 OK");
    CHECK(has(answer, "\r\nConnection: close\r\n"));
  }
  SECTION("HTTP/1.0 keep-alive") {
    RawClient client = world.connect();
    for (int i = 0; i < 2; ++i) {
      client.send("GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n");
      CHECK(has(client.until("\r\n\r\n"), "\r\nConnection: keep-alive\r\n"));
      client.until("\n");
    }
  }
  SECTION("an empty line before a request is skipped") {
    CHECK(status_line(converse(world, "\r\nGET / HTTP/1.0\r\n\r\n")) == "HTTP/1.1 200 OK");
  }
}

TEST_CASE("HEAD, 204 and 304 have no body; a value cannot end its line") {
  TransportWorld world;
  RawClient client = world.connect();
  client.send("HEAD /x HTTP/1.1\r\n" + host + "\r\n");
  CHECK(has(client.until("\r\n\r\n"), "\r\nContent-Length: 11\r\n"));
  for (const char* status : {"204", "304"}) {
    client.send("GET /status/" + std::string(status) + " HTTP/1.1\r\n" + host + "\r\n");
    const std::string head = client.until("\r\n\r\n");
    CHECK(has(head, "HTTP/1.1 " + std::string(status)));
    CHECK_FALSE(has(head, "Content-Length"));
  }
  client.send("GET /status/200 HTTP/1.1\r\n" + host + "\r\n");
  CHECK(has(client.until("\r\n\r\n"), "\r\nX-Odd: a  b: c\r\n"));
  CHECK(client.until("\n") == "text\n");
}

TEST_CASE("Expect: 100-continue is answered only while the exchange has not answered") {
  TransportWorld world;
  const std::string expecting = host + "Content-Length: 5\r\nExpect: 100-continue\r\n\r\n";
  SECTION("the body is wanted") {
    RawClient client = world.connect();
    client.send("POST /a HTTP/1.1\r\n" + expecting);
    CHECK(client.until("\r\n\r\n") == "HTTP/1.1 100 Continue\r\n\r\n");
    client.send("hello");
    CHECK(has(client.until("\r\n\r\n"), "HTTP/1.1 200 OK\r\n"));
    CHECK(client.until("\n") == "POST /a [hello]\n");
  }
  SECTION("the body is refused") {
    const std::string answer = converse(world, "POST /early HTTP/1.1\r\n" + expecting);
    CHECK(status_line(answer) == "HTTP/1.1 413 Content Too Large");
    CHECK(has(answer, "\r\nConnection: close\r\n"));
  }
  SECTION("the body is already here") {
    RawClient client = world.connect();
    client.send("POST /a HTTP/1.1\r\n" + expecting + "hello");
    CHECK(has(client.until("\r\n\r\n"), "HTTP/1.1 200 OK\r\n"));
  }
  SECTION("HTTP/1.0 does not know it") {
    RawClient client = world.connect();
    client.send("POST /a HTTP/1.0\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n");
    client.send("hello");
    CHECK(has(client.until("\r\n\r\n"), "HTTP/1.1 200 OK\r\n"));
  }
}

TEST_CASE("An answer before the end of the body reaches a client that goes on sending, over TCP too") {
  TransportWorld world;
  std::string address;
  world.on_loop([&] { address = *world.server->listen_tcp("127.0.0.1:0"); });
  const auto port = static_cast<std::uint16_t>(std::stoi(address.substr(address.find(':') + 1)));
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_port = htons(port);
  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  loop::UniqueFd tcp(::socket(AF_INET, SOCK_STREAM, 0));
  REQUIRE(::connect(tcp.get(), reinterpret_cast<sockaddr*>(&to), sizeof to) == 0);
  RawClient client(std::move(tcp));
  client.send("POST /early HTTP/1.1\r\n" + host + "Content-Length: 8000000\r\n\r\n");
  CHECK(client.send(std::string(8'000'000, 'x')));
  client.end_of_output();
  const std::string answer = client.rest();
  CHECK(status_line(answer) == "HTTP/1.1 413 Content Too Large");
  CHECK(body(answer) == "too much\n");
}

TEST_CASE("A client that closes its sending half still gets its answers; one that is gone is forgotten") {
  TransportWorld world;
  SECTION("half closed") {
    RawClient client = world.connect();
    client.send("GET /later HTTP/1.1\r\n" + host + "\r\nGET /two HTTP/1.1\r\n" + host + "\r\n");
    client.end_of_output();
    REQUIRE(world.eventually([&] { return world.service.later.size() == 1; }));
    world.service.answer_later_ones();
    const std::string answer = client.rest();
    CHECK(has(answer, "late\n"));
    CHECK(has(answer, "GET /two []\n"));
    CHECK(world.service.left == 0);
  }
  SECTION("half closed over TCP: it looks like one that is gone, and is answered") {
    RawClient client = world.connect_tcp(1 << 16);
    client.send("GET /later HTTP/1.1\r\n" + host + "\r\n");
    client.end_of_output();
    REQUIRE(world.eventually([&] { return world.service.left == 1; }));
    world.service.answer_later_ones();
    CHECK(has(client.rest(), "late\n"));
  }
  SECTION("gone over TCP") {
    RawClient client = world.connect_tcp(1 << 16);
    client.send("GET /later HTTP/1.1\r\n" + host + "\r\n");
    REQUIRE(world.eventually([&] { return world.service.begun == 1; }));
    client.close();
    REQUIRE(world.eventually([&] { return world.service.left == 1; }));
  }
  SECTION("gone after its answer, which is nothing to tell") {
    RawClient client = world.connect();
    client.send("GET /later HTTP/1.1\r\n" + host + "\r\n");
    REQUIRE(world.eventually([&] { return world.service.later.size() == 1; }));
    world.service.answer_later_ones();
    CHECK(has(client.until("late\n"), "200 OK"));
    client.close();
    CHECK(world.eventually([&] { return world.service.connections == 0; }));
    CHECK(world.service.left == 0);
  }
  SECTION("the server leaves first") {
    RawClient client = world.connect();
    client.send("GET /later HTTP/1.1\r\n" + host + "\r\n");
    REQUIRE(world.eventually([&] { return world.service.later.size() == 1; }));
    world.on_loop([&] { world.server.reset(); });
    CHECK(world.service.left == 0);
  }
  SECTION("gone") {
    RawClient client = world.connect();
    client.send("GET /later HTTP/1.1\r\n" + host + "\r\n");
    REQUIRE(world.eventually([&] { return world.service.later.size() == 1; }));
    client.close();
    CHECK(world.eventually([&] { return world.service.exchanges == 0 && world.service.connections == 0; }));
    CHECK(world.service.left == 1);
  }
  SECTION("gone within a body") {
    RawClient client = world.connect();
    client.send("POST /a HTTP/1.1\r\n" + host + "Content-Length: 5\r\n\r\nhe");
    REQUIRE(world.eventually([&] { return world.service.exchanges == 1; }));
    client.close();
    CHECK(world.eventually([&] { return world.service.exchanges == 0 && world.service.connections == 0; }));
  }
}

TEST_CASE("Large answers wait for a slow reader; files are sent in part") {
  TransportWorld world;
  world.service.file_path = world.directory + "/file";
  std::string content;
  while (content.size() < 6'000'000) content += std::to_string(content.size()) + " ";
  std::ofstream(world.service.file_path) << content;
  RawClient client = world.connect();
  client.send("GET /big HTTP/1.1\r\n" + host + "\r\nGET /file HTTP/1.1\r\n" + host + "\r\nHEAD /file HTTP/1.1\r\n" +
              host + "\r\n");
  CHECK(has(client.until("\r\n\r\n"), "\r\nContent-Length: 1048576\r\n"));
  CHECK(client.exactly(1 << 20) == std::string(1 << 20, 'b'));
  CHECK(has(client.until("\r\n\r\n"), "\r\nContent-Length: 5000000\r\n"));
  CHECK((client.exactly(5'000'000) == content.substr(3, 5'000'000)));
  CHECK(has(client.until("\r\n\r\n"), "\r\nContent-Length: 5000000\r\n"));
}

TEST_CASE("A file that is shorter than promised ends the connection, not the daemon") {
  TransportWorld world;
  world.service.file_path = world.directory + "/short";
  std::ofstream(world.service.file_path) << "abcdef";
  const std::string answer = converse(world, "GET /file HTTP/1.1\r\n" + host + "\r\n");
  CHECK(body(answer) == "def");
}

TEST_CASE("Deadlines") {
  SECTION("a silent connection is closed without a word") {
    TransportWorld world(quick([](auto& limits) { limits.head_timeout = 20ms; }));
    CHECK(world.connect().is_closed());
  }
  SECTION("half a head: 408") {
    TransportWorld world(quick([](auto& limits) { limits.head_timeout = 300ms; }));
    const std::string answer = converse(world, "GET / HT");
    CHECK(status_line(answer) == "HTTP/1.1 408 Request Timeout");
    CHECK(has(answer, "\r\nConnection: close\r\n"));
  }
  SECTION("idle between two requests: closed") {
    TransportWorld world(quick([](auto& limits) { limits.idle_timeout = 20ms; }));
    const std::string answer = converse(world, "GET / HTTP/1.1\r\n" + host + "\r\n");
    CHECK(status_line(answer) == "HTTP/1.1 200 OK");
  }
  SECTION("half a body: 408, and the exchange is gone") {
    TransportWorld world(quick([](auto& limits) { limits.body_timeout = 20ms; }));
    const std::string answer = converse(world, "POST /a HTTP/1.1\r\n" + host + "Content-Length: 5\r\n\r\nhe");
    CHECK(status_line(answer) == "HTTP/1.1 408 Request Timeout");
    CHECK(world.eventually([&] { return world.service.exchanges == 0; }));
  }
  SECTION("a body that comes, but too slowly: 408") {
    TransportWorld world(quick([](auto& limits) {
      limits.body_grace = 20ms;
      limits.body_rate = 1'000'000;
    }));
    RawClient client = world.connect();
    client.send("POST /a HTTP/1.1\r\n" + host + "Content-Length: 1000000\r\n\r\n");
    std::size_t sent = 0;
    while (sent < 1'000'000 && world.service.exchanges == (sent == 0 ? 0 : 1)) sent += client.send("x") ? 1 : 0;
    CHECK(sent < 1'000'000);
    CHECK(status_line(client.rest()) == "HTTP/1.1 408 Request Timeout");
  }
  SECTION("an answer that takes long is waited for") {
    TransportWorld world(
        quick([](auto& limits) { limits.head_timeout = limits.idle_timeout = limits.body_timeout = 200ms; }));
    RawClient client = world.connect_and_send("GET /later HTTP/1.1\r\n" + host + "\r\n");
    REQUIRE(world.eventually([&] { return world.service.later.size() == 1; }));
    loop::Timer timer;
    std::promise<void> passed;
    world.on_loop([&] { timer = world.loop.after(800ms, [&] { passed.set_value(); }); });
    passed.get_future().wait();
    world.service.answer_later_ones();
    CHECK(has(client.until("late\n"), "HTTP/1.1 200 OK"));
    world.on_loop([&] { timer.reset(); });
  }
  SECTION("a reader that takes nothing is given up") {
    TransportWorld world(quick([](auto& limits) { limits.send_timeout = 50ms; }));
    RawClient client = world.connect();
    client.send("GET /big HTTP/1.1\r\n" + host + "\r\n");
    REQUIRE(world.eventually([&] { return world.service.begun == 1; }));
    CHECK(world.eventually([&] { return world.service.connections == 0; }));
  }
  SECTION("a client that never closes after an early answer is given up") {
    TransportWorld world(quick([](auto& limits) { limits.linger_timeout = 50ms; }));
    RawClient client = world.connect();
    client.send("BAD\r\n\r\n");
    CHECK(world.eventually([&] { return world.service.connections == 0; }));
    CHECK(status_line(client.rest()) == "HTTP/1.1 400 Bad Request");
  }
}

TEST_CASE("A handshake that is refused is answered") {
  TransportWorld world;
  const std::string answer =
      converse(world, "GET /ws/refused HTTP/1.1\r\n" + host +
                          "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
                          "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n");
  CHECK(has(answer, "HTTP/1.1 429 Too Many Requests\r\nRetry-After: 7\r\n"));
  CHECK(has(answer, "too fast\n"));
  CHECK(world.service.sessions == 0);
}

TEST_CASE("Who has sent hundreds of requests in one go lets others have their turn") {
  TransportWorld world;
  RawClient greedy = world.connect();
  RawClient modest = world.connect();
  REQUIRE(world.eventually([&] { return world.service.connections == 2; }));
  std::string many;
  for (int i = 0; i < 500; ++i) many += "GET /count HTTP/1.1\r\n" + host + "\r\n";
  int before = 0;
  world.on_loop([&] {
    world.service.custom = [&] {
      before = world.service.begun;
      return api::Response{200, {}, "modest\n"};
    };
    // Both are there when the loop looks next.
    greedy.send(many);
    modest.send("GET /custom HTTP/1.1\r\n" + host + "\r\n");
  });
  modest.until("modest");
  world.on_loop([] {});  // what the loop has noted is ours to read
  CHECK(before < 250);
  for (int i = 0; i < 500; ++i) greedy.until("GET /count");
  CHECK(world.service.begun == 501);
}

TEST_CASE("Whoever is turned away gets not a byte") {
  TransportWorld world;
  RawClient before = world.connect();
  before.send("GET / HTTP/1.1\r\n" + host + "\r\n");
  CHECK(has(before.until("\n"), "200 OK"));
  world.service.turns_away = true;
  CHECK(world.connect().is_closed());
  before.send("GET / HTTP/1.1\r\n" + host + "\r\n");
  before.until("200 OK");
  CHECK(world.service.connections == 1);
}

TEST_CASE("Upgrades other than to websocket are ignored") {
  TransportWorld world;
  RawClient client = world.connect();
  for (const char* upgrade : {"h2c", "websocket, h2c", "h2c, websocket", "TLS/1.0", "xwebsocket"}) {
    client.send("GET /ws/one HTTP/1.1\r\n" + host + "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: " + upgrade +
                "\r\nHTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA\r\n\r\n");
    CHECK(has(client.until("\r\n\r\n"), "HTTP/1.1 200 OK"));
    CHECK(client.until("\n") == "GET /ws/one []\n");
  }
}

TEST_CASE("Stopping: what is owed is answered, idle connections close, nobody new is let in") {
  TransportWorld world;
  RawClient busy = world.connect();
  RawClient idle = world.connect();
  busy.send("GET /later HTTP/1.1\r\n" + host + "\r\n");
  idle.send("GET /x HTTP/1.1\r\n" + host + "\r\n");
  idle.until("[]\n");
  REQUIRE(world.eventually([&] { return world.service.later.size() == 1; }));
  world.on_loop([&] {
    CHECK(world.server->counts().http == 2);
    world.server->stop();
  });
  CHECK(idle.is_closed());
  CHECK_FALSE(std::filesystem::exists(world.socket_path));
  world.service.answer_later_ones();
  const std::string answer = busy.rest();
  CHECK(has(answer, "\r\nConnection: close\r\n"));
  CHECK(has(answer, "late\n"));
  busy.close();
  CHECK(world.eventually([&] { return world.server->counts().http == 0; }));
}
