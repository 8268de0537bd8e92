// The wire form of a frame, byte by byte (RFC 6455, 5.2).

#include "convd/events/websocket_frame.h"
#include "tests/support/catch.h"

using convd::events::append_frame;
using convd::events::FrameType;

TEST_CASE("A frame has the shortest length form") {
  const auto head = [](std::size_t size, FrameType type = FrameType::text) {
    std::string out = "before";
    append_frame(out, std::string(size, 'x'), type);
    CHECK(out.substr(out.size() - size) == std::string(size, 'x'));
    return out.substr(6, out.size() - size - 6);
  };
  using namespace std::string_literals;
  CHECK(head(0) == "\x81\x00"s);
  CHECK(head(125) == "\x81\x7d");
  CHECK(head(126) == "\x81\x7e\x00\x7e"s);
  CHECK(head(65535) == "\x81\x7e\xff\xff");
  CHECK(head(65536) == "\x81\x7f\x00\x00\x00\x00\x00\x01\x00\x00"s);
  CHECK(head(1, FrameType::binary) == "\x82\x01");
}
