#pragma once
// Listening sockets: our own binds (never libwebsockets', which unlinks what it finds) and those that systemd hands
// over.

#include <sys/stat.h>

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "convd/loop/loop.h"
#include "convd/loop/unique_fd.h"
#include "shared/result.h"

namespace convd::transport {

// A bound and listening descriptor.
struct ListenSocket {
  loop::UniqueFd fd;
  std::string name;       // for people: "/run/convd/convd.sock", "127.0.0.1:8080"
  std::string unix_path;  // set when the file is ours to remove
};

// Mode 0666; the directory is made (0755) when only its last part is missing. A socket file that nobody answers on any
// more is replaced; a live one, or any other file, is an error (unavailable) that says so. Path: at most 107 bytes.
shared::Result<ListenSocket> listen_on_unix(const std::string& path);

// From where TCP connections may come.
enum class Reach : std::uint8_t {
  loopback,  // an address beyond it is refused (invalid_option)
  anywhere,  // who comes needs a token
};

// "127.0.0.1:8080", "[::1]:8080", "localhost:8080", "0.0.0.0:80"; port 0 lets the kernel choose, `name` tells.
shared::Result<ListenSocket> listen_on_tcp(const std::string& address, Reach reach = Reach::loopback);

// A descriptor that listens already: Unix or TCP.
shared::Result<ListenSocket> adopt_listening(loop::UniqueFd fd, Reach reach = Reach::loopback);

// Whether listen_on_tcp() can make something of it.
bool is_tcp_address(const std::string& address);

// Whether it is an address for listen_on_tcp() that others than this machine can reach.
bool is_beyond_loopback(const std::string& address);

// Accepts. Loop thread only.
class Listener {
 public:
  enum class Verdict : std::uint8_t { go_on, pause };
  using Accepted = std::function<Verdict(loop::UniqueFd)>;

  // `pause`: how long nothing is accepted after descriptors have run out or `accepted` asked for a pause.
  Listener(loop::Loop& loop, ListenSocket socket, loop::milliseconds pause, Accepted accepted);
  ~Listener();
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;

  const std::string& name() const { return socket_.name; }

 private:
  void watch();
  void on_ready();
  void pause();
  void out_of_descriptors();

  loop::Loop& loop_;
  ListenSocket socket_;
  const loop::milliseconds pause_;
  const Accepted accepted_;
  loop::UniqueFd reserve_;  // given up for a moment to turn a client away when descriptors have run out
  std::optional<struct stat> file_;
  loop::Watch watch_;
  loop::Timer resume_;
};

}  // namespace convd::transport
