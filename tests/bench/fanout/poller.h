#pragma once
// epoll, and sockets for it.

#include <sys/epoll.h>

#include <array>
#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

namespace fanout {

// One thread only.
class Poller {
 public:
  class Watcher {
   public:
    // The watcher outlives the round in which it is removed.
    virtual void on_ready(std::uint32_t events) = 0;

   protected:
    ~Watcher() = default;
  };

  Poller();
  ~Poller();
  Poller(const Poller&) = delete;
  Poller& operator=(const Poller&) = delete;

  void add(int fd, std::uint32_t events, Watcher& watcher);
  void change(int fd, std::uint32_t events, Watcher& watcher);
  void remove(int fd);
  // One round: waits at most `timeout` (negative: for ever) and tells everybody who is ready.
  void wait(std::chrono::milliseconds timeout);
  // A receive buffer for whoever is being told.
  std::vector<char>& scratch() { return scratch_; }

 private:
  int fd_;
  std::array<epoll_event, 1024> ready_{};
  std::vector<char> scratch_;
};

// "unix:/path" or "127.0.0.1:8080".
struct Target {
  std::string unix_path;
  std::uint16_t port = 0;  // on 127.0.0.1
};
// Throws std::runtime_error.
Target target_from(const std::string& text);

// A non-blocking socket that is connected or about to be; -1 when the listener's queue is full. `receive_buffer` in
// bytes, 0: the system's. Throws std::runtime_error when nobody listens.
int connect_to(const Target& target, int receive_buffer = 0);
// A listening non-blocking socket. A port 0 in `target` becomes the real one. Throws std::runtime_error.
int listen_on(Target& target);

// As many descriptors as this process may have.
void raise_descriptor_limit();

}  // namespace fanout
