// Listening sockets and who connects to them.

#include "convd/transport/listener.h"

#include <arpa/inet.h>
#include <grp.h>
#include <netinet/in.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>

#include "convd/transport/peer.h"
#include "tests/support/transport_world.h"

using namespace tests;
using namespace convd::transport;
using namespace std::chrono_literals;

namespace {

struct Directory {
  std::string path = temporary_directory();
  ~Directory() { std::filesystem::remove_all(path); }
};

mode_t mode_of(const std::string& path) {
  struct stat file {};
  REQUIRE(::stat(path.c_str(), &file) == 0);
  return file.st_mode & 07777;
}

bool has(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

loop::UniqueFd connected(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  path.copy(address.sun_path, sizeof address.sun_path - 1);
  loop::UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (::connect(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) return {};
  return fd;
}

// What there is to be told of a socket: one of `events`, or what is told unasked (POLLHUP, POLLERR).
short told_of(int fd, short events) {
  pollfd asked{fd, events, 0};
  REQUIRE(::poll(&asked, 1, patience_ms) == 1);
  return asked.revents;
}

}  // namespace

TEST_CASE("A Unix socket: mode, directory, and the files that are in its way") {
  const Directory directory;
  const std::string path = directory.path + "/run/convd.sock";
  const mode_t before = ::umask(0077);
  {
    auto socket = listen_on_unix(path);
    ::umask(before);
    REQUIRE(socket.ok());
    CHECK(mode_of(path) == 0666);
    CHECK(mode_of(directory.path + "/run") == 0755);

    const auto second = listen_on_unix(path);
    REQUIRE_FALSE(second.ok());
    CHECK(has(second.error().message, "Another daemon is listening on " + path));
    CHECK(connected(path));
  }
  // The daemon has died without a word: its file is still there, nobody answers.
  REQUIRE(std::filesystem::exists(path));
  CHECK_FALSE(connected(path));
  CHECK(listen_on_unix(path).ok());

  const std::string file = directory.path + "/precious";
  std::ofstream(file) << "data";
  const auto refused = listen_on_unix(file);
  REQUIRE_FALSE(refused.ok());
  CHECK(has(refused.error().message, "no socket"));
  CHECK(std::filesystem::file_size(file) == 4);

  const auto too_long = listen_on_unix("/tmp/" + std::string(103, 'x'));
  REQUIRE_FALSE(too_long.ok());
  CHECK(has(too_long.error().message, "1 to 107 bytes, this one has 108"));
  CHECK_FALSE(listen_on_unix(directory.path + "/no/such/convd.sock").ok());
}

TEST_CASE("A listener removes its own file, not that of its successor") {
  const Directory directory;
  loop::EvLoop loop;
  const auto ignore = [](loop::UniqueFd) { return Listener::Verdict::go_on; };
  const std::string path = directory.path + "/a.sock";
  { const Listener listener(loop, std::move(*listen_on_unix(path)), 100ms, ignore); }
  CHECK_FALSE(std::filesystem::exists(path));
  {
    const Listener listener(loop, std::move(*listen_on_unix(path)), 100ms, ignore);
    std::filesystem::rename(path, path + ".old");
    std::ofstream(path) << "successor";
  }
  CHECK(std::filesystem::exists(path));
}

TEST_CASE("TCP: loopback only without tokens, and the real port is told") {
  auto socket = listen_on_tcp("127.0.0.1:0");
  REQUIRE(socket.ok());
  CHECK(has(socket->name, "127.0.0.1:"));
  CHECK(socket->name != "127.0.0.1:0");
  CHECK(has(listen_on_tcp(socket->name).error().message, "Address already in use"));
  for (const char* address : {"0.0.0.0:0", "192.168.0.1:80", "[::]:0", "8.8.8.8:0"}) {
    const auto refused = listen_on_tcp(address);
    REQUIRE_FALSE(refused.ok());
    CHECK(has(refused.error().message, "without tokens"));
  }
  CHECK(has(listen_on_tcp("0.0.0.0:0", Reach::anywhere)->name, "0.0.0.0:"));
  CHECK(is_beyond_loopback("[::]:80"));
  CHECK_FALSE(is_beyond_loopback("127.1.2.3:80"));
  for (const char* address :
       {"", "8080", "127.0.0.1", "127.0.0.1:", "127.0.0.1:x", "127.0.0.1:65536", "host:80", "::1:80", "127.0.0.1:-1"}) {
    INFO(address);
    CHECK(has(listen_on_tcp(address).error().message, "must be ADDRESS:PORT"));
  }
}

TEST_CASE("Inherited descriptors") {
  auto tcp = listen_on_tcp("localhost:0");
  REQUIRE(tcp.ok());
  const auto adopted = adopt_listening(std::move(tcp->fd));
  REQUIRE(adopted.ok());
  CHECK(adopted->name == tcp->name);
  CHECK(adopted->unix_path.empty());

  loop::UniqueFd idle(::socket(AF_INET, SOCK_STREAM, 0));
  CHECK(has(adopt_listening(std::move(idle)).error().message, "no listening socket"));
  loop::UniqueFd open(::socket(AF_INET, SOCK_STREAM, 0));
  sockaddr_in any{};
  any.sin_family = AF_INET;
  REQUIRE(::bind(open.get(), reinterpret_cast<sockaddr*>(&any), sizeof any) == 0);
  REQUIRE(::listen(open.get(), 1) == 0);
  CHECK(has(adopt_listening(std::move(open)).error().message, "only loopback"));

  TransportWorld world;
  const Directory directory;
  auto socket = listen_on_unix(directory.path + "/inherited.sock");
  REQUIRE(socket.ok());
  world.on_loop([&] { CHECK(world.server->adopt_listener(std::move(socket->fd)).ok()); });
  RawClient client(directory.path + "/inherited.sock");
  client.send("GET /x HTTP/1.0\r\n\r\n");
  CHECK(has(client.rest(), "GET /x []"));
}

TEST_CASE("The caller is who the kernel says, whatever the request claims") {
  TransportWorld world;
  RawClient client = world.connect();
  client.send("GET /caller HTTP/1.0\r\nHost: local\r\nX-Forwarded-User: 4711\r\n\r\n");
  CHECK(has(client.rest(), "uid:" + std::to_string(::getuid()) + " operator"));

  std::string address;
  world.on_loop([&] { address = *world.server->listen_tcp("127.0.0.1:0"); });
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_port = htons(static_cast<std::uint16_t>(std::stoi(address.substr(address.find(':') + 1))));
  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  loop::UniqueFd tcp(::socket(AF_INET, SOCK_STREAM, 0));
  REQUIRE(::connect(tcp.get(), reinterpret_cast<sockaddr*>(&to), sizeof to) == 0);
  RawClient over_tcp(std::move(tcp));
  over_tcp.send("GET /caller HTTP/1.0\r\n\r\n");
  CHECK(has(over_tcp.rest(), "local user"));
}

TEST_CASE("A TCP peer is known by its address, whatever family the socket has") {
  const auto peer_of = [](int family, const std::string& to) {
    const loop::UniqueFd listening(::socket(family, SOCK_STREAM, 0));
    sockaddr_in6 any{};
    any.sin6_family = static_cast<sa_family_t>(family);
    any.sin6_addr = in6addr_any;
    const auto size = static_cast<socklen_t>(family == AF_INET6 ? sizeof(sockaddr_in6) : sizeof(sockaddr_in));
    REQUIRE(::bind(listening.get(), reinterpret_cast<const sockaddr*>(&any), size) == 0);
    REQUIRE(::listen(listening.get(), 1) == 0);
    sockaddr_in6 bound{};
    socklen_t bound_size = sizeof bound;
    REQUIRE(::getsockname(listening.get(), reinterpret_cast<sockaddr*>(&bound), &bound_size) == 0);
    sockaddr_in target{};
    target.sin_family = AF_INET;
    target.sin_port = bound.sin6_port;  // at the same place in both
    REQUIRE(::inet_pton(AF_INET, to.c_str(), &target.sin_addr) == 1);
    const loop::UniqueFd client(::socket(AF_INET, SOCK_STREAM, 0));
    REQUIRE(::connect(client.get(), reinterpret_cast<sockaddr*>(&target), sizeof target) == 0);
    const loop::UniqueFd accepted(::accept(listening.get(), nullptr, nullptr));
    const auto caller = caller_of(accepted.get(), {0, std::nullopt});
    REQUIRE(caller.has_value());
    CHECK(caller->principal == "local");
    CHECK(caller->role == api::Role::user);
    return caller->address;
  };
  CHECK(peer_of(AF_INET, "127.0.0.1") == "127.0.0.1");
  CHECK(peer_of(AF_INET6, "127.0.0.1") == "127.0.0.1");
}

TEST_CASE("A TCP peer that has gone before it was looked at is nobody, and least of all a local one") {
  const auto listening = listen_on_tcp("127.0.0.1:0");
  REQUIRE(listening.ok());
  sockaddr_in target{};
  socklen_t size = sizeof target;
  REQUIRE(::getsockname(listening->fd.get(), reinterpret_cast<sockaddr*>(&target), &size) == 0);
  loop::UniqueFd client(::socket(AF_INET, SOCK_STREAM, 0));
  REQUIRE(::connect(client.get(), reinterpret_cast<sockaddr*>(&target), sizeof target) == 0);
  REQUIRE(::send(client.get(), "GET", 3, 0) == 3);
  const linger at_once{1, 0};
  REQUIRE(::setsockopt(client.get(), SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once) == 0);
  client.reset();
  // What the client has sent may still be on its way, also on one machine: the connection, and its end.
  REQUIRE(told_of(listening->fd.get(), POLLIN) == POLLIN);
  const loop::UniqueFd accepted(::accept(listening->fd.get(), nullptr, nullptr));
  REQUIRE(accepted);
  REQUIRE((told_of(accepted.get(), 0) & POLLHUP) != 0);
  CHECK_FALSE(caller_of(accepted.get(), {0, std::nullopt}).has_value());
}

TEST_CASE("Operators: root, the daemon's uid, and the admin group with its supplementary members") {
  if (::getuid() != 0) return;
  const Directory directory;
  REQUIRE(::chmod(directory.path.c_str(), 0755) == 0);
  const std::string path = directory.path + "/s";
  const auto socket = listen_on_unix(path);
  REQUIRE(socket.ok());
  constexpr uid_t daemon = 4000;
  constexpr gid_t admins = 5000;
  // Role of a client process with these ids.
  const auto role = [&](uid_t uid, gid_t gid, std::vector<gid_t> groups) {
    const pid_t child = ::fork();
    if (child == 0) {
      const bool set = ::setgroups(groups.size(), groups.data()) == 0 && ::setgid(gid) == 0 && ::setuid(uid) == 0;
      ::_exit(set && connected(path) ? 0 : 1);
    }
    int status = 0;
    REQUIRE(::waitpid(child, &status, 0) == child);
    REQUIRE(status == 0);
    const loop::UniqueFd accepted(::accept(socket->fd.get(), nullptr, nullptr));
    const auto caller = caller_of(accepted.get(), {daemon, admins});
    REQUIRE(caller.has_value());
    CHECK(caller->address.empty());
    CHECK(caller->principal == "uid:" + std::to_string(uid));
    CHECK(caller->org == caller->principal);
    return caller->role;
  };
  std::vector<gid_t> many;
  for (gid_t g = 10'000; g < 10'200; ++g) many.push_back(g);
  CHECK(role(0, 0, {}) == api::Role::operator_);
  CHECK(role(daemon, 1, {}) == api::Role::operator_);
  CHECK(role(4001, 1, {}) == api::Role::user);
  CHECK(role(4001, admins, {}) == api::Role::operator_);
  CHECK(role(4001, 1, {7, admins, 9}) == api::Role::operator_);
  CHECK(role(4001, 1, many) == api::Role::user);
  many.push_back(admins);
  CHECK(role(4001, 1, many) == api::Role::operator_);
}

TEST_CASE("Over the limit of connections clients wait or are turned away, and are served again later") {
  ServerOptions options;
  options.limits.connections = 2;
  options.limits.accept_pause = 5ms;
  options.limits.head_timeout = 10min;  // those who say nothing stay
  TransportWorld world(options);
  RawClient one = world.connect();
  RawClient two = world.connect();
  REQUIRE(world.eventually([&] { return world.server->counts().http == 2; }));
  CHECK(world.connect().is_closed());
  one.close();
  REQUIRE(world.eventually([&] { return world.server->counts().http == 1; }));
  RawClient again = world.connect();
  again.send("GET /x HTTP/1.0\r\n\r\n");
  CHECK(has(again.rest(), "GET /x []"));
}

TEST_CASE("However many have come over TCP, the Unix socket has places left") {
  ServerOptions options;
  options.limits.connections = 20;
  options.limits.accept_pause = 5ms;
  options.limits.head_timeout = 10min;  // those who say nothing stay
  TransportWorld world(options);
  std::vector<RawClient> crowd;
  for (int i = 0; i < 20; ++i) crowd.push_back(world.connect_tcp(65536));
  REQUIRE(world.eventually([&] { return world.server->counts().http >= 4; }));
  {
    RawClient local = world.connect();
    local.send("GET /x HTTP/1.0\r\n\r\n");
    CHECK(has(local.rest(), "GET /x []"));
  }
  REQUIRE(world.eventually([&] { return world.server->counts().http == 4; }));
  CHECK(crowd.back().is_closed());
}

TEST_CASE("Without descriptors a client is turned away at once, and the loop does not spin") {
  const Directory directory;
  loop::EvLoop loop;
  auto socket = listen_on_unix(directory.path + "/s");
  REQUIRE(socket.ok());
  int accepted = 0;
  Listener listener(loop, std::move(*socket), 20ms, [&](loop::UniqueFd) {
    ++accepted;
    loop.stop();
    return Listener::Verdict::go_on;
  });
  RawClient first(connected(directory.path + "/s"));
  RawClient second(connected(directory.path + "/s"));
  rlimit before{};
  REQUIRE(::getrlimit(RLIMIT_NOFILE, &before) == 0);
  // The lowest free descriptor is over the limit from here on.
  const loop::UniqueFd lowest(::dup(0));
  const rlimit none{static_cast<rlim_t>(lowest.get()), before.rlim_max};
  REQUIRE(::setrlimit(RLIMIT_NOFILE, &none) == 0);
  // Not before both have been turned away, however late that is: with descriptors they would be let in.
  const auto is_turned_away = [](const RawClient& client) {
    char byte = 0;
    return ::recv(client.fd(), &byte, 1, MSG_DONTWAIT | MSG_PEEK) == 0;
  };
  bool given_back = false;
  const auto give_back = loop.every(1ms, [&] {
    if (given_back || !is_turned_away(first) || !is_turned_away(second)) return;
    given_back = true;
    ::setrlimit(RLIMIT_NOFILE, &before);
    RawClient(connected(directory.path + "/s"));
  });
  const auto patience = loop.after(60s, [&] { loop.stop(); });
  loop.run();
  ::setrlimit(RLIMIT_NOFILE, &before);
  CHECK(given_back);
  CHECK(accepted == 1);
  CHECK(first.is_closed());
  CHECK(second.is_closed());
}
