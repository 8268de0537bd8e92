#pragma once
// A WebSocket client that writes its frames byte by byte (RFC 6455).

#include "tests/support/transport_world.h"

namespace tests {

struct Frame {
  int opcode = -1;
  bool final = false;
  std::string payload;

  int close_code() const {
    if (payload.size() < 2) return -1;
    return static_cast<unsigned char>(payload[0]) * 256 + static_cast<unsigned char>(payload[1]);
  }
  std::string close_reason() const { return payload.substr(2); }
};

enum Opcode { continuation = 0, text = 1, binary = 2, close_frame = 8, ping = 9, pong = 10 };

// A masked frame, as clients must send them.
inline std::string frame(int opcode, std::string payload, bool final = true) {
  const std::string mask = "\x12\x34\x56\x78";
  std::string out(1, static_cast<char>((final ? 0x80 : 0) | opcode));
  const std::size_t size = payload.size();
  if (size < 126) {
    out += static_cast<char>(0x80 | size);
  } else if (size <= 0xffff) {
    out += static_cast<char>(0x80 | 126);
    for (int shift : {8, 0}) out += static_cast<char>(size >> shift);
  } else {
    out += static_cast<char>(0x80 | 127);
    for (int shift = 56; shift >= 0; shift -= 8) out += static_cast<char>(size >> shift);
  }
  for (std::size_t i = 0; i < size; ++i) payload[i] = static_cast<char>(payload[i] ^ mask[i % 4]);
  return out + mask + payload;
}

inline std::string close_payload(int code, const std::string& reason = {}) {
  return std::string{static_cast<char>(code >> 8), static_cast<char>(code & 0xff)} + reason;
}

inline std::string handshake(const std::string& path, const std::string& extra = {}) {
  return "GET " + path + " HTTP/1.1\r\nHost: x\r\nUpgrade: WebSocket\r\nConnection: keep-alive, Upgrade\r\n" + extra +
         "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n";
}

inline bool has(const std::string& whole, std::string_view part) {
  return whole.find(part) != std::string::npos;
}

class WsClient {
 public:
  WsClient(const TransportWorld& world, const std::string& name) : WsClient(world.connect(), name) {}
  WsClient(RawClient client, const std::string& name) : raw(std::move(client)) {
    raw.send(handshake("/ws/" + name));
    REQUIRE(has(raw.until("\r\n\r\n"), "HTTP/1.1 101 "));
  }
  void send(int opcode, const std::string& payload, bool final = true) { raw.send(frame(opcode, payload, final)); }
  Frame next() {
    Frame out;
    const std::string head = raw.exactly(2);
    const auto byte = [](char c) { return static_cast<std::size_t>(static_cast<unsigned char>(c)); };
    out.opcode = static_cast<int>(byte(head[0]) & 0x0f);
    out.final = (byte(head[0]) & 0x80) != 0;
    REQUIRE((byte(head[0]) & 0x70) == 0);
    REQUIRE((byte(head[1]) & 0x80) == 0);
    std::size_t size = byte(head[1]) & 0x7f;
    if (size >= 126) {
      const std::string more = raw.exactly(size == 126 ? 2 : 8);
      size = 0;
      for (const char c : more) size = size * 256 + byte(c);
    }
    out.payload = raw.exactly(size);
    return out;
  }
  std::string next_text() {
    const Frame f = next();
    CHECK(f.opcode == text);
    CHECK(f.final);
    return f.payload;
  }

  RawClient raw;
};

// Gives a session something to say and wakes it.
inline void say(TransportWorld& world, const std::string& name, std::vector<std::string> frames,
                std::optional<api::SocketSession::Close> end = {}) {
  const auto script = world.service.script(name);
  world.on_loop([&] {
    {
      const std::lock_guard lock(script->mutex);
      for (auto& f : frames) script->waiting.push_back({std::move(f)});
      script->end = end;
    }
    if (script->outlet != nullptr) script->outlet->want_write();
  });
}

}  // namespace tests
