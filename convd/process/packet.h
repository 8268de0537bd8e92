#pragma once
// One message with its descriptors over a SOCK_SEQPACKET Unix socket, without waiting. Any thread, one at a time a
// socket.

#include <cstddef>
#include <string>
#include <vector>

#include "convd/loop/unique_fd.h"

namespace convd::process {

inline constexpr std::size_t most_message_bytes = 160 << 10;  // fits the default socket buffer of Linux
inline constexpr std::size_t most_descriptors = 64;           // in one message

struct Packet {
  std::string text;
  std::vector<loop::UniqueFd> descriptors;
};

// later: the socket is full. never: it has no reader any more.
enum class Sent : unsigned char { yes, later, never };
Sent send_packet(int socket, const Packet& packet);

// later: nothing there yet. closed: the peer is gone or has broken the rules.
enum class Received : unsigned char { yes, later, closed };
// `buffer` is made as large as it has to be and may be used again.
Received receive_packet(int socket, std::vector<char>& buffer, Packet& packet);

}  // namespace convd::process
