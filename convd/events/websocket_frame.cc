#include "convd/events/websocket_frame.h"

namespace convd::events {

void append_frame(std::string& out, std::string_view payload, FrameType type) {
  constexpr unsigned final_bit = 0x80;
  out += static_cast<char>(final_bit | static_cast<unsigned>(type));
  const std::size_t size = payload.size();
  int length_bytes = 0;
  if (size < 126) {
    out += static_cast<char>(size);
  } else if (size <= 0xffff) {
    out += static_cast<char>(126);
    length_bytes = 2;
  } else {
    out += static_cast<char>(127);
    length_bytes = 8;
  }
  while (length_bytes-- > 0) out += static_cast<char>(size >> (8 * length_bytes));
  out += payload;
}

}  // namespace convd::events
