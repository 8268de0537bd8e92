// Frames of RFC 6455 as we send them: read as the standard says they are what was put in.

#include "convd/events/websocket_frame.h"

#include "tests/fuzz/input.h"

using namespace convd::events;

namespace {

std::size_t big_endian(std::string_view bytes) {
  std::size_t value = 0;
  for (const char c : bytes) value = value << 8 | static_cast<unsigned char>(c);
  return value;
}

// Takes one frame off the front; its payload.
std::string_view take_frame(std::string_view& bytes, unsigned char first) {
  fuzz::must(bytes.size() >= 2 && static_cast<unsigned char>(bytes[0]) == first, "it is final and of its type");
  std::size_t size = static_cast<unsigned char>(bytes[1]);
  fuzz::must(size < 128, "it is not masked");
  const std::size_t width = size == 126 ? 2 : size == 127 ? 8 : 0;
  fuzz::must(bytes.size() >= 2 + width, "its length is there");
  if (width > 0) size = big_endian(bytes.substr(2, width));
  fuzz::must(width == 0 || size > (width == 2 ? 125U : 65535U), "its length is in the shortest form");
  fuzz::must(bytes.size() - 2 - width >= size, "its payload is there");
  const std::string_view payload = bytes.substr(2 + width, size);
  bytes.remove_prefix(2 + width + size);
  return payload;
}

}  // namespace

FUZZ_TARGET(input) {
  // Lengths around the changes of form, without having to find so many bytes.
  const std::size_t stretch = input.number(3);
  std::string payload(input.rest());
  if (stretch > 0)
    payload += std::string((stretch == 1 ? 126 : 65536) - std::min<std::size_t>(payload.size(), 100), 'x');
  std::string out;
  append_frame(out, payload);
  append_frame(out, payload, FrameType::binary);
  std::string_view rest = out;
  fuzz::must(take_frame(rest, 0x81) == payload, "a text comes through");
  fuzz::must(take_frame(rest, 0x82) == payload, "bytes come through");
  fuzz::must(rest.empty(), "nothing follows");
}
