#pragma once
// Messages with descriptors over a SOCK_SEQPACKET Unix socket: what convd and convd-runner talk through.

#include <cstddef>
#include <deque>
#include <functional>
#include <string>
#include <vector>

#include "convd/loop/loop.h"
#include "convd/loop/unique_fd.h"

namespace convd::process {

inline constexpr std::size_t most_message_bytes = 160 << 10;  // fits the default socket buffer of Linux
inline constexpr std::size_t most_descriptors = 64;           // in one message

// Loop thread only. Destroying it closes the socket.
class Channel {
 public:
  using Message = std::function<void(std::string text, std::vector<loop::UniqueFd> descriptors)>;

  // `closed` is called once, when the peer is gone or has broken the rules; the channel may be destroyed in it.
  Channel(loop::Loop& loop, loop::UniqueFd socket, Message message, loop::Task closed);

  // Queues when the socket is full. The descriptors are closed after they have been sent; borrow by dup().
  void send(std::string text, std::vector<loop::UniqueFd> descriptors = {});

 private:
  struct Outgoing {
    std::string text;
    std::vector<loop::UniqueFd> descriptors;
  };
  enum class Sent : unsigned char { yes, later, never };

  void receive();
  Sent send_now(const Outgoing& outgoing);
  void flush();

  loop::Loop& loop_;
  loop::UniqueFd socket_;
  Message message_;
  loop::Task closed_;
  std::vector<char> buffer_;
  std::deque<Outgoing> waiting_;
  loop::Watch readable_;
  loop::Watch writable_;
};

}  // namespace convd::process
