#pragma once
// Frames of RFC 6455 as a server sends them: final, unmasked. Pure. Any thread.

#include <cstdint>
#include <string>
#include <string_view>

namespace convd::events {

enum class FrameType : std::uint8_t { text = 0x1, binary = 0x2 };

void append_frame(std::string& out, std::string_view payload, FrameType type = FrameType::text);

}  // namespace convd::events
