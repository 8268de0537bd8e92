#pragma once
// Times on the wire: RFC 3339 in UTC with milliseconds, "2026-11-21T09:00:00.123Z". Any thread.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace shared {

// `epoch_ms`: milliseconds since 1970-01-01T00:00:00Z.
std::string to_rfc3339(std::int64_t epoch_ms);
// Accepts exactly what to_rfc3339 writes, and the same without fraction.
std::optional<std::int64_t> from_rfc3339(std::string_view text);

}  // namespace shared
