#include "shared/stream.h"

#include <algorithm>
#include <array>
#include <charconv>

#include "shared/enum_names.h"

namespace shared {
namespace {

constexpr std::array<std::string_view, service_count> service_names{"conversion", "document", "upload", "queue",
                                                                    "note",       "presence", "system"};
constexpr std::array<std::string_view, 3> class_names{"state", "progress", "snapshot"};
constexpr std::array<std::string_view, 5> gap_names{"expired", "epoch", "ahead", "lagged", "damaged"};

constexpr std::array<FrameKind, 9> kinds{{
    {"ack", "seq timestamp connectionId epoch head oldest recovered replaying rejected heartbeatMs compress",
     "The answer to the handshake; seq is 0"},
    {"event", "service events seq prev", "What has happened; seq is that of its last event"},
    {"ping", "timestamp seq", "Every 30 s, and a bookmark: all that is asked for up to seq has been sent"},
    {"pong", "timestamp", "The answer to a client's ping"},
    {"gap", "reason oldest head", "What came before cannot be told; snapshots follow, then what happens next"},
    {"error", "code message temporary", "Something the client has said is not right"},
    {"token_expiring", "timestamp expires", "The token is over in a minute; send another one"},
    {"refreshed", "timestamp expires", "The answer to a new token"},
    {"goodbye", "reason reconnectMs", "The daemon leaves; come back after a time chosen from this range"},
}};

constexpr std::array<CloseRule, 14> rules{{
    {CloseCode::finished, "finished", "All has been said: the conversion has ended"},
    {CloseCode::going_away, "going away", "The daemon leaves; connect again"},
    {CloseCode::message_too_large, "message too large", "A message had more bytes than a message may have"},
    {CloseCode::internal_error, "internal error", "The log cannot be read now; connect again later"},
    {CloseCode::shutdown, "shutdown", "The daemon leaves, after a goodbye; connect again within its range of time"},
    {CloseCode::slow, "too slow", "No byte was taken for 30 s; connect again from the same position"},
    {CloseCode::too_fast, "too fast", "More messages than a client may send; connect again later"},
    {CloseCode::token_expired, "token expired", "Connect again with a new token"},
    {CloseCode::invalid_token, "invalid token", "The token is not accepted"},
    {CloseCode::bad_message, "bad message", "Not a handshake of this protocol, or a second one"},
    {CloseCode::handshake_timeout, "no handshake", "The client has said nothing for 10 s"},
    {CloseCode::too_many_connections, "too many connections", "More connections than one may have"},
    {CloseCode::forbidden, "forbidden", "Not for this principal"},
    {CloseCode::realtime_disabled, "realtime disabled", "The stream is not switched on here: poll instead"},
}};

}  // namespace

std::string_view to_string(Service service) {
  return name_of(service_names, service);
}

std::optional<Service> service_from(std::string_view name) {
  return value_of<Service>(service_names, name);
}

std::string_view to_string(EventClass event_class) {
  return name_of(class_names, event_class);
}

std::optional<EventClass> event_class_from(std::string_view name) {
  return value_of<EventClass>(class_names, name);
}

std::string_view to_string(GapReason reason) {
  return name_of(gap_names, reason);
}

std::string to_text(const Position& position) {
  return position.epoch + ":" + std::to_string(position.seq);
}

Result<Position> position_from(std::string_view text) {
  const auto colon = text.find(':');
  Position position;
  if (colon != std::string_view::npos && colon > 0) {
    const std::string_view digits = text.substr(colon + 1);
    const auto [rest, error] = std::from_chars(digits.data(), digits.data() + digits.size(), position.seq);
    position.epoch = text.substr(0, colon);
    if (error == std::errc() && rest == digits.data() + digits.size() && position.seq >= 0) return position;
  }
  return Error{
      ErrorCode::invalid_request, "expected a position such as 9f3c...:1041, got \"" + std::string(text) + "\"", {}};
}

std::span<const FrameKind> frame_kinds() {
  return kinds;
}

std::span<const CloseRule> close_rules() {
  return rules;
}

std::string_view reason_of(CloseCode code) {
  const auto found =
      std::find_if(rules.begin(), rules.end(), [code](const CloseRule& rule) { return rule.code == code; });
  return found == rules.end() ? std::string_view{} : found->reason;
}

}  // namespace shared
