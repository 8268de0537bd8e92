#pragma once
// The words of the unified stream: services, classes, frames, close codes. One table each; convd-protocol(7) documents
// them and a test compares. Any thread.

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "shared/error_code.h"
#include "shared/result.h"

namespace shared {

// What an event is about. One service can also be narrowed to one subject: "conversion:{id}".
enum class Service : std::uint8_t { conversion, document, upload, queue, note, presence, system };
inline constexpr int service_count = static_cast<int>(Service::system) + 1;
std::string_view to_string(Service service);
std::optional<Service> service_from(std::string_view name);

enum class EventClass : std::uint8_t {
  state,     // durable, never merged or dropped within retention
  progress,  // the latest value counts: may be superseded by a later event of the same subject
  snapshot,  // how things stand, after a gap; its seq is the head of the log at that time
};
std::string_view to_string(EventClass event_class);
std::optional<EventClass> event_class_from(std::string_view name);

// Why a reader cannot be brought up to date from where it was.
enum class GapReason : std::uint8_t {
  expired,  // what came after its position is out of retention
  epoch,    // its position is in another log
  ahead,    // its position has never been given out: a backup was restored
  lagged,   // it read slower than the log was pruned
  damaged,  // what is stored between there and the head is not what was written
};
std::string_view to_string(GapReason reason);

// A position in the log of an org. As text "epoch:seq".
struct Position {
  std::string epoch;
  std::int64_t seq = 0;
};
std::string to_text(const Position& position);
// Errors: invalid_request.
Result<Position> position_from(std::string_view text);

// The frames of the stream, for the manual and its test.
struct FrameKind {
  std::string_view type;
  std::string_view fields;  // beside "type", blanks between
  std::string_view help;
};
std::span<const FrameKind> frame_kinds();

// Close codes of every WebSocket of convd. Below 4500: connect again; from 4500 on: do not.
enum class CloseCode : std::uint16_t {
  finished = 1000,
  going_away = 1001,
  message_too_large = 1009,
  internal_error = 1011,
  shutdown = 4001,
  slow = 4008,
  too_fast = 4029,
  token_expired = 4041,
  invalid_token = 4500,
  bad_message = 4501,
  handshake_timeout = 4502,
  too_many_connections = 4504,
  forbidden = 4507,
  realtime_disabled = 4508,
};
struct CloseRule {
  CloseCode code;
  std::string_view reason;  // the text of the close frame
  std::string_view help;
};
std::span<const CloseRule> close_rules();
std::string_view reason_of(CloseCode code);
constexpr bool may_reconnect(std::uint16_t code) {
  return code < 4500 && code != static_cast<std::uint16_t>(CloseCode::finished) &&
         code != static_cast<std::uint16_t>(CloseCode::message_too_large);
}

// What a WebSocket may offer in Sec-WebSocket-Protocol: the dialect, and a token as "bearer.TOKEN".
inline constexpr std::string_view stream_subprotocol = "convd.v1";
inline constexpr std::string_view bearer_subprotocol = "bearer.";

inline constexpr int stream_version = 1;
inline constexpr std::string_view compression_name = "deflate-raw";

}  // namespace shared
