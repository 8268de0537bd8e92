#pragma once
// Durations on the command line ("90", "1.5s", "500ms", "1h30m") and for people ("1:05", "2h 03m"). Pure. Any thread.

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace convctl {

// A bare number is seconds; units ms, s, m, h, d, largest first. Nothing for anything else, also for negative or over
// ten years.
std::optional<std::chrono::milliseconds> parse_duration(std::string_view text);
std::string format_duration(std::chrono::milliseconds duration);
std::string format_bytes(std::int64_t size_bytes);

}  // namespace convctl
