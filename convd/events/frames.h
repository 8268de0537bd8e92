#pragma once
// The frames of the stream that carry events, as JSON. Pure.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "convd/events/event.h"
#include "convd/events/log_source.h"

namespace convd::events {

// {"seq":3,"ts":...,"type":...,"subject":...,"class":...,"data":{...}}
std::string event_json(const Event& event);

struct EventFrame {
  std::string text;
  std::size_t event_at = 0;  // where the event itself stands in it
  std::size_t event_size = 0;
};
EventFrame event_frame(const Event& event);

// How things stand, as one frame; `events` is not empty and of one service.
std::string snapshot_frame(const std::vector<Event>& events, std::int64_t seq);
std::string gap_frame(shared::GapReason reason, const LogHead& log);

}  // namespace convd::events
