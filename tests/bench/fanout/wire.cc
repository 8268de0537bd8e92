#include "tests/bench/fanout/wire.h"

#include <openssl/evp.h>
#include <openssl/sha.h>
#include <strings.h>

#include <array>
#include <stdexcept>

namespace fanout {
namespace {

struct Head {
  std::size_t size = 0;  // without the mask
  std::size_t payload = 0;
};

std::uint8_t byte_at(std::string_view bytes, std::size_t at) {
  return static_cast<std::uint8_t>(bytes[at]);
}

std::optional<Head> head_of(std::string_view bytes) {
  if (bytes.size() < 2) return {};
  Head head{2, byte_at(bytes, 1) & 0x7fU};
  if (head.payload < 126) return head;
  const std::size_t length_bytes = head.payload == 126 ? 2 : 8;
  head.size += length_bytes;
  if (bytes.size() < head.size) return {};
  head.payload = 0;
  for (std::size_t i = 2; i < head.size; ++i) head.payload = head.payload << 8 | byte_at(bytes, i);
  return head;
}

Frame frame_from(std::string_view bytes, std::size_t head, std::size_t payload) {
  return {static_cast<Opcode>(byte_at(bytes, 0) & 0x0fU), (byte_at(bytes, 0) & 0x40U) != 0, bytes.substr(head, payload),
          head + payload};
}

void append_head(std::string& out, unsigned first, unsigned mask_bit, std::size_t size) {
  out += static_cast<char>(first);
  if (size < 126) {
    out += static_cast<char>(mask_bit | size);
    return;
  }
  int length_bytes = size <= 0xffff ? 2 : 8;
  out += static_cast<char>(mask_bit | (length_bytes == 2 ? 126U : 127U));
  while (length_bytes-- > 0) out += static_cast<char>(size >> (8 * length_bytes));
}

}  // namespace

std::optional<Frame> server_frame(std::string_view bytes) {
  const auto head = head_of(bytes);
  if (!head || bytes.size() - head->size < head->payload) return {};
  return frame_from(bytes, head->size, head->payload);
}

std::optional<Frame> client_frame(char* bytes, std::size_t size) {
  const auto head = head_of({bytes, size});
  if (!head) return {};
  if ((bytes[1] & 0x80) == 0) throw std::runtime_error("a client frame without a mask");
  const std::size_t begin = head->size + 4;
  if (size < begin || size - begin < head->payload) return {};
  for (std::size_t i = 0; i < head->payload; ++i)
    bytes[begin + i] = static_cast<char>(bytes[begin + i] ^ bytes[head->size + i % 4]);
  return frame_from({bytes, size}, begin, head->payload);
}

void append_server_frame(std::string& out, std::string_view payload, Compressed compressed) {
  append_head(out, compressed == Compressed::yes ? 0xc1 : 0x81, 0, payload.size());
  out += payload;
}

void append_client_frame(std::string& out, std::string_view payload, Opcode opcode) {
  append_head(out, 0x80U | static_cast<unsigned>(opcode), 0x80, payload.size());
  out.append(4, '\0');
  out += payload;
}

std::string handshake_request(std::string_view path, Offer offer) {
  std::string text = "GET ";
  text += path;
  text +=
      " HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
      "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
  if (offer == Offer::deflate) text += "Sec-WebSocket-Extensions: permessage-deflate; client_no_context_takeover\r\n";
  return text += "\r\n";
}

std::string accept_of(std::string_view key) {
  const std::string text = std::string(key) + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
  std::array<unsigned char, SHA_DIGEST_LENGTH> digest{};
  SHA1(reinterpret_cast<const unsigned char*>(text.data()), text.size(), digest.data());
  std::array<unsigned char, 32> encoded{};
  const int size = EVP_EncodeBlock(encoded.data(), digest.data(), static_cast<int>(digest.size()));
  return {encoded.begin(), encoded.begin() + size};
}

std::string_view header_of(std::string_view head, std::string_view name) {
  for (auto at = head.find("\r\n"); at != std::string_view::npos; at = head.find("\r\n", at)) {
    at += 2;
    const std::string_view line = head.substr(at, head.find("\r\n", at) - at);
    if (line.size() <= name.size() || line[name.size()] != ':') continue;
    if (strncasecmp(line.data(), name.data(), name.size()) != 0) continue;
    const auto value = line.find_first_not_of(' ', name.size() + 1);
    return value == std::string_view::npos ? std::string_view() : line.substr(value);
  }
  return {};
}

}  // namespace fanout
