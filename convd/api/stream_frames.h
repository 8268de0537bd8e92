#pragma once
// The frames of the stream that belong to one connection, as JSON; those with events are made in events/. Pure.

#include <cstdint>
#include <string>
#include <string_view>

#include "convd/api/stream_request.h"
#include "convd/events/hub.h"

namespace convd::api {

inline constexpr std::int64_t heartbeat_ms = 30'000;

std::string ack_frame(const StreamRequest& request, const events::Opened& opened, const std::string& connection_id,
                      std::int64_t now_ms);
std::string ping_frame(std::int64_t seq, std::int64_t now_ms);
std::string pong_frame(std::int64_t now_ms);
std::string error_frame(std::string_view code, const std::string& message, bool is_temporary);
std::string goodbye_frame();
std::string token_expiring_frame(std::int64_t ends_ms, std::int64_t now_ms);
std::string refreshed_frame(std::int64_t ends_ms, std::int64_t now_ms);

}  // namespace convd::api
