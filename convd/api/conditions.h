#pragma once
// What a client attaches to a request about what it has and what it wants of a file: If-None-Match, Range, If-Range
// (RFC 9110) and Prefer (RFC 7240); and the name under which it saves it (RFC 6266). Pure. Any thread.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace convd::api {

// Whether If-None-Match names `etag` (with its quotes), weakly compared; "*" names everything.
bool names_etag(std::string_view if_none_match, std::string_view etag);

struct ByteRange {
  enum class Kind : std::uint8_t {
    whole,          // no range, one we need not understand, or several: the whole file
    part,           // [offset, offset + length)
    unsatisfiable,  // 416
  };
  Kind kind = Kind::whole;
  std::int64_t offset = 0;
  std::int64_t length = 0;
  bool operator==(const ByteRange&) const = default;
};
ByteRange parse_range(std::string_view range, std::int64_t size_bytes);
// If-Range: absent, or exactly this strong etag. A date never matches: there is no Last-Modified to compare it with.
bool range_applies(std::string_view if_range, std::string_view etag);

// The seconds of "Prefer: wait=N"; nothing when absent or malformed (a preference never fails a request).
std::optional<std::int64_t> preferred_wait_s(std::string_view prefer);

// attachment; filename="ASCII fallback"; filename*=UTF-8''exact
std::string attachment(std::string_view filename);

}  // namespace convd::api
