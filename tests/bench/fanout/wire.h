#pragma once
// RFC 6455 as the programs of this folder need it: the handshake, and frames in both directions. Pure. Any thread.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace fanout {

enum class Opcode : std::uint8_t { text = 0x1, binary = 0x2, close = 0x8, ping = 0x9, pong = 0xa };

struct Frame {
  Opcode opcode = Opcode::text;
  bool compressed = false;  // RSV1: permessage-deflate
  std::string_view payload;
  std::size_t size = 0;  // with its header
};

// The first frame of what a server has sent; nothing while it is incomplete.
std::optional<Frame> server_frame(std::string_view bytes);
// The same for what a client has sent, unmasked in place. Throws std::runtime_error when it is not masked.
std::optional<Frame> client_frame(char* bytes, std::size_t size);

enum class Compressed : std::uint8_t { no, yes };
void append_server_frame(std::string& out, std::string_view payload, Compressed compressed = Compressed::no);
// Masked with zeros, which is as valid as any other mask and costs the server the same.
void append_client_frame(std::string& out, std::string_view payload, Opcode opcode = Opcode::text);

enum class Offer : std::uint8_t { nothing, deflate };
std::string handshake_request(std::string_view path, Offer offer);
// The value of Sec-WebSocket-Accept.
std::string accept_of(std::string_view key);
// The value of a header of `head`, whose lines end in CR LF; empty when there is none. `name` in lower case.
std::string_view header_of(std::string_view head, std::string_view name);

}  // namespace fanout
