#include "convd/transport/listener.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <cerrno>
#include <charconv>
#include <cstring>
#include <filesystem>
#include <utility>

#include "convd/transport/log.h"

namespace convd::transport {
namespace {

using shared::Error;
using shared::ErrorCode;
using shared::Result;

constexpr int backlog = 4096;
constexpr int most_accepts_per_turn = 64;
constexpr int socket_flags = SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC;

Error failed(const std::string& what) {
  return {ErrorCode::unavailable, what + ": " + std::strerror(errno) + ".", {}};
}

Result<sockaddr_un> unix_address(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.empty() || path.size() >= sizeof address.sun_path) {
    return Error{ErrorCode::invalid_option,
                 "The socket path must have 1 to " + std::to_string(sizeof address.sun_path - 1) +
                     " bytes, this one has " + std::to_string(path.size()) + ": " + path,
                 {}};
  }
  path.copy(address.sun_path, path.size());
  return address;
}

const sockaddr* generic(const void* address) {
  return static_cast<const sockaddr*>(address);
}

// Removes the file of a daemon that is no more.
Result<void> make_room(const std::string& path, const sockaddr_un& address) {
  struct stat file {};
  if (::lstat(path.c_str(), &file) != 0) return errno == ENOENT ? Result<void>() : failed("Cannot look at " + path);
  if (!S_ISSOCK(file.st_mode)) {
    return Error{
        ErrorCode::unavailable, path + " is in the way: it is no socket. Move it or choose another --socket.", {}};
  }
  const loop::UniqueFd probe(::socket(AF_UNIX, socket_flags, 0));
  if (!probe) return failed("Cannot make a socket");
  if (::connect(probe.get(), generic(&address), sizeof address) == 0 || errno == EAGAIN) {
    return Error{
        ErrorCode::unavailable, "Another daemon is listening on " + path + ". Stop it or choose another --socket.", {}};
  }
  if (errno != ECONNREFUSED) return failed("Cannot tell whether a daemon is listening on " + path);
  if (::unlink(path.c_str()) != 0) return failed("Cannot remove the left-over socket " + path);
  return {};
}

Result<void> make_directory_of(const std::string& path) {
  const std::string directory = std::filesystem::path(path).parent_path();
  if (directory.empty() || ::mkdir(directory.c_str(), 0755) == 0) {
    // Whatever the umask was.
    if (!directory.empty() && ::chmod(directory.c_str(), 0755) != 0)
      return failed("Cannot set the mode of " + directory);
    return {};
  }
  return errno == EEXIST ? Result<void>() : failed("Cannot make the directory " + directory);
}

Error refused_address(const std::string& address) {
  return {ErrorCode::invalid_option,
          "Cannot listen on " + address +
              ": without tokens (auth.key, see convd.conf(5)) only loopback addresses (127.0.0.1:PORT, [::1]:PORT) are "
              "served.",
          {}};
}

bool is_loopback(const sockaddr_storage& address) {
  if (address.ss_family == AF_INET) {
    const auto& v4 = reinterpret_cast<const sockaddr_in&>(address);
    return (ntohl(v4.sin_addr.s_addr) >> 24) == 127;
  }
  if (address.ss_family != AF_INET6) return false;
  return IN6_IS_ADDR_LOOPBACK(&reinterpret_cast<const sockaddr_in6&>(address).sin6_addr);
}

std::string name_of(const sockaddr_storage& address) {
  char text[INET6_ADDRSTRLEN] = "";
  if (address.ss_family == AF_INET) {
    const auto& v4 = reinterpret_cast<const sockaddr_in&>(address);
    ::inet_ntop(AF_INET, &v4.sin_addr, text, sizeof text);
    return std::string(text) + ":" + std::to_string(ntohs(v4.sin_port));
  }
  const auto& v6 = reinterpret_cast<const sockaddr_in6&>(address);
  ::inet_ntop(AF_INET6, &v6.sin6_addr, text, sizeof text);
  return "[" + std::string(text) + "]:" + std::to_string(ntohs(v6.sin6_port));
}

Result<sockaddr_storage> tcp_address(const std::string& text) {
  const std::size_t colon = text.rfind(':');
  const Error malformed{ErrorCode::invalid_option, "A listen address must be ADDRESS:PORT, not '" + text + "'.", {}};
  if (colon == std::string::npos) return malformed;
  std::uint16_t port = 0;
  const char* end = text.data() + text.size();
  const auto [stop, problem] = std::from_chars(text.data() + colon + 1, end, port);
  if (problem != std::errc() || stop != end) return malformed;

  std::string host = text.substr(0, colon);
  if (host == "localhost") host = "127.0.0.1";
  sockaddr_storage out{};
  auto& v4 = reinterpret_cast<sockaddr_in&>(out);
  auto& v6 = reinterpret_cast<sockaddr_in6&>(out);
  if (host.starts_with('[') && host.ends_with(']') &&
      ::inet_pton(AF_INET6, host.substr(1, host.size() - 2).c_str(), &v6.sin6_addr) == 1) {
    v6.sin6_family = AF_INET6;
    v6.sin6_port = htons(port);
  } else if (::inet_pton(AF_INET, host.c_str(), &v4.sin_addr) == 1) {
    v4.sin_family = AF_INET;
    v4.sin_port = htons(port);
  } else {
    return malformed;
  }
  return out;
}

}  // namespace

bool is_tcp_address(const std::string& address) {
  return tcp_address(address).ok();
}

bool is_beyond_loopback(const std::string& address) {
  const auto parsed = tcp_address(address);
  return parsed && !is_loopback(*parsed);
}

Result<ListenSocket> listen_on_unix(const std::string& path) {
  auto address = unix_address(path);
  if (!address) return address.error();
  if (auto made = make_directory_of(path); !made) return made.error();
  if (auto room = make_room(path, *address); !room) return room.error();
  ListenSocket out{loop::UniqueFd(::socket(AF_UNIX, socket_flags, 0)), path, path};
  if (!out.fd) return failed("Cannot make a socket");
  if (::bind(out.fd.get(), generic(&*address), sizeof *address) != 0) return failed("Cannot bind " + path);
  // Before listen(): nobody can connect until the mode is right.
  if (::chmod(path.c_str(), 0666) != 0) return failed("Cannot set the mode of " + path);
  if (::listen(out.fd.get(), backlog) != 0) return failed("Cannot listen on " + path);
  return out;
}

Result<ListenSocket> listen_on_tcp(const std::string& text, Reach reach) {
  auto address = tcp_address(text);
  if (!address) return address.error();
  if (reach == Reach::loopback && !is_loopback(*address)) return refused_address(text);
  ListenSocket out{loop::UniqueFd(::socket(address->ss_family, socket_flags, 0)), {}, {}};
  if (!out.fd) return failed("Cannot make a socket for " + text);
  const int on = 1;
  ::setsockopt(out.fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  const socklen_t size = address->ss_family == AF_INET ? sizeof(sockaddr_in) : sizeof(sockaddr_in6);
  if (::bind(out.fd.get(), generic(&*address), size) != 0) return failed("Cannot bind " + text);
  if (::listen(out.fd.get(), backlog) != 0) return failed("Cannot listen on " + text);
  return adopt_listening(std::move(out.fd), reach);
}

Result<ListenSocket> adopt_listening(loop::UniqueFd fd, Reach reach) {
  int listens = 0;
  socklen_t size = sizeof listens;
  if (::getsockopt(fd.get(), SOL_SOCKET, SO_ACCEPTCONN, &listens, &size) != 0 || listens == 0) {
    return Error{ErrorCode::invalid_option, "An inherited descriptor is no listening socket.", {}};
  }
  sockaddr_storage address{};
  size = sizeof address;
  if (::getsockname(fd.get(), reinterpret_cast<sockaddr*>(&address), &size) != 0)
    return failed("Cannot name a listener");
  if (::fcntl(fd.get(), F_SETFL, ::fcntl(fd.get(), F_GETFL) | O_NONBLOCK) < 0)
    return failed("Cannot set up a listener");
  ::fcntl(fd.get(), F_SETFD, FD_CLOEXEC);
  ListenSocket out{std::move(fd), {}, {}};
  if (address.ss_family == AF_UNIX) {
    out.name = reinterpret_cast<const sockaddr_un&>(address).sun_path;
    return out;
  }
  out.name = name_of(address);
  if (reach == Reach::loopback && !is_loopback(address)) return refused_address(out.name);
  return out;
}

Listener::Listener(loop::Loop& loop, ListenSocket socket, loop::milliseconds pause, Accepted accepted)
    : loop_(loop),
      socket_(std::move(socket)),
      pause_(pause),
      accepted_(std::move(accepted)),
      reserve_(::open("/dev/null", O_RDONLY | O_CLOEXEC)) {
  struct stat file {};
  if (!socket_.unix_path.empty() && ::lstat(socket_.unix_path.c_str(), &file) == 0) file_ = file;
  watch();
}

Listener::~Listener() {
  struct stat now {};
  if (!file_ || ::lstat(socket_.unix_path.c_str(), &now) != 0) return;
  // Not the socket of a daemon that has replaced ours.
  if (now.st_dev == file_->st_dev && now.st_ino == file_->st_ino) ::unlink(socket_.unix_path.c_str());
}

void Listener::watch() {
  resume_.reset();
  watch_ = loop_.watch(socket_.fd.get(), loop::Io::read, [this] { on_ready(); });
}

void Listener::on_ready() {
  for (int i = 0; i < most_accepts_per_turn; ++i) {
    loop::UniqueFd client(::accept4(socket_.fd.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (!client) {
      if (errno == EMFILE || errno == ENFILE)
        out_of_descriptors();
      else if (errno == ENOBUFS || errno == ENOMEM)
        pause();
      return;
    }
    if (accepted_(std::move(client)) == Verdict::pause) return pause();
  }
}

void Listener::pause() {
  watch_.reset();
  resume_ = loop_.after(pause_, [this] { watch(); });
}

void Listener::out_of_descriptors() {
  log()->warn("no file descriptor is left: a client of {} is turned away", socket_.name);
  reserve_.reset();
  loop::UniqueFd(::accept4(socket_.fd.get(), nullptr, nullptr, SOCK_CLOEXEC)).reset();
  reserve_ = loop::UniqueFd(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  pause();
}

}  // namespace convd::transport
