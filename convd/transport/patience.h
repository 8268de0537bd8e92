#pragma once
// Sockets of conversations that go on for hours: how little waits in the kernel for a slow peer, and how long one may
// take nothing.

#include <cstdint>
#include <optional>

#include "convd/loop/loop.h"

namespace convd::transport {

// Bytes that the kernel holds for a peer beyond what is on its way; the rest waits where it is shared.
inline constexpr int unsent_bytes = 16 * 1024;
// What a conversation is asked for at a time.
inline constexpr std::size_t most_bytes_per_write = 32 * 1024;
// What one socket is given before the others have their turn.
inline constexpr std::size_t most_bytes_per_turn = 64 * 1024;

// Prepares a socket for a conversation. TCP; without effect on a Unix socket.
void keep_little_unsent(int socket);

// Whether a peer takes bytes, judged by looking at its socket every now and then while some wait. Loop thread only.
class Patience {
 public:
  // Whether it has taken nothing for `timeout`. `writes` counts what the socket has been given: it, or the fill of the
  // kernel's buffer, changes with every sign of life.
  bool is_over(int socket, std::int64_t writes, loop::TimePoint now, loop::milliseconds timeout);
  // Nothing waits.
  void renew() { since_.reset(); }

 private:
  std::optional<loop::TimePoint> since_;
  std::int64_t writes_ = 0;
  int queued_ = 0;
};

}  // namespace convd::transport
