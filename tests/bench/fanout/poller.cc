#include "tests/bench/fanout/poller.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <stdexcept>
#include <system_error>

namespace fanout {
namespace {

constexpr std::size_t scratch_bytes = std::size_t{256} * 1024;
constexpr int listen_queue = 4096;

[[noreturn]] void fail(const std::string& what) {
  throw std::system_error(errno, std::generic_category(), what);
}

struct Address {
  sockaddr_storage storage{};
  socklen_t size = 0;
  const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&storage); }
};

Address address_of(const Target& target) {
  Address address;
  if (target.unix_path.empty()) {
    auto& in = reinterpret_cast<sockaddr_in&>(address.storage);
    in.sin_family = AF_INET;
    in.sin_port = htons(target.port);
    in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.size = sizeof in;
  } else {
    auto& un = reinterpret_cast<sockaddr_un&>(address.storage);
    if (target.unix_path.size() >= sizeof un.sun_path) throw std::runtime_error("too long: " + target.unix_path);
    un.sun_family = AF_UNIX;
    std::memcpy(un.sun_path, target.unix_path.c_str(), target.unix_path.size() + 1);
    address.size = sizeof un;
  }
  return address;
}

int open_socket(const Target& target) {
  const int family = target.unix_path.empty() ? AF_INET : AF_UNIX;
  const int fd = socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) fail("socket");
  const int one = 1;
  if (family == AF_INET) setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  return fd;
}

void control(int poller, int operation, int fd, std::uint32_t events, Poller::Watcher* watcher) {
  epoll_event event{};
  event.events = events;
  event.data.ptr = watcher;
  if (epoll_ctl(poller, operation, fd, &event) != 0) fail("epoll_ctl");
}

}  // namespace

Poller::Poller() : fd_(epoll_create1(EPOLL_CLOEXEC)), scratch_(scratch_bytes) {
  if (fd_ < 0) fail("epoll_create1");
}

Poller::~Poller() {
  close(fd_);
}

void Poller::add(int fd, std::uint32_t events, Watcher& watcher) {
  control(fd_, EPOLL_CTL_ADD, fd, events, &watcher);
}

void Poller::change(int fd, std::uint32_t events, Watcher& watcher) {
  control(fd_, EPOLL_CTL_MOD, fd, events, &watcher);
}

void Poller::remove(int fd) {
  control(fd_, EPOLL_CTL_DEL, fd, 0, nullptr);
}

void Poller::wait(std::chrono::milliseconds timeout) {
  const int count = epoll_wait(fd_, ready_.data(), static_cast<int>(ready_.size()), static_cast<int>(timeout.count()));
  for (int i = 0; i < count; ++i) {
    const epoll_event& event = ready_[static_cast<std::size_t>(i)];
    static_cast<Watcher*>(event.data.ptr)->on_ready(event.events);
  }
}

Target target_from(const std::string& text) {
  Target target;
  if (text.starts_with("unix:")) {
    target.unix_path = text.substr(5);
  } else if (text.starts_with("127.0.0.1:")) {
    target.port = static_cast<std::uint16_t>(std::stoul(text.substr(10)));
  } else {
    throw std::runtime_error("expected unix:PATH or 127.0.0.1:PORT, not " + text);
  }
  return target;
}

int connect_to(const Target& target, int receive_buffer) {
  const Address address = address_of(target);
  const int fd = open_socket(target);
  if (receive_buffer > 0) setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &receive_buffer, sizeof receive_buffer);
  if (connect(fd, address.get(), address.size) == 0 || errno == EINPROGRESS) return fd;
  const int error = errno;
  close(fd);
  if (error == EAGAIN) return -1;
  errno = error;
  fail("connect");
}

int listen_on(Target& target) {
  const Address address = address_of(target);
  const int fd = open_socket(target);
  const int one = 1;
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
  if (bind(fd, address.get(), address.size) != 0 || listen(fd, listen_queue) != 0) fail("listen");
  if (target.unix_path.empty()) {
    sockaddr_in real{};
    socklen_t size = sizeof real;
    getsockname(fd, reinterpret_cast<sockaddr*>(&real), &size);
    target.port = ntohs(real.sin_port);
  }
  return fd;
}

void raise_descriptor_limit() {
  rlimit limit{};
  getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
}

}  // namespace fanout
