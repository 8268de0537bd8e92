#pragma once
// What a request head must look like, byte by byte, before any parser library sees it. Stricter than RFC 9112 asks
// wherever two servers might read the same bytes differently. Pure. Any thread.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "convd/api/exchange.h"
#include "convd/transport/limits.h"
#include "shared/result.h"

namespace convd::transport {

// Finds the end of a head in bytes that arrive piece by piece. Keeps the place, so each byte is looked at once.
class HeadScanner {
 public:
  explicit HeadScanner(const Limits& limits) : limits_(limits) {}

  // `bytes` is everything since the start of the head, at least as long as the last time. Gives the length of the head
  // with its empty line, 0 when more is needed. Errors: invalid_request (a line that does not end in CR LF, a first
  // byte that begins no method), header_too_large.
  shared::Result<std::size_t> find_end(std::string_view bytes);
  void reset() { line_ = scanned_ = 0; }

 private:
  const Limits& limits_;
  std::size_t line_ = 0;     // where the line at hand begins
  std::size_t scanned_ = 0;  // no line feed before this
};

// Checks every byte of a complete head: request line "METHOD SP target SP HTTP/1.x", header lines "name: value" without
// folding, space before the colon or control bytes. Errors: invalid_request, not_implemented (another HTTP version),
// header_too_large (target, number of header lines).
std::optional<shared::Error> check_head(std::string_view head, const Limits& limits);
// One header line, or one of a trailer, without its end. Errors: invalid_request.
std::optional<shared::Error> check_field_line(std::string_view line);
// Visible characters, bytes beyond ASCII, blanks and tabs.
bool is_field_text(std::string_view text);

// How the body is delimited. Errors: invalid_request, not_implemented (a transfer coding other than chunked).
struct Framing {
  bool chunked = false;
  std::optional<std::int64_t> content_length;
};
shared::Result<Framing> framing_of(const api::Headers& headers, int minor_version);

// Exactly one Host where HTTP/1.1 asks for it: a name or address with an optional port, or empty, as clients of a Unix
// socket may leave it. `authority` is that of a target in absolute form, which must say the same; empty for any other.
std::optional<shared::Error> check_host(const api::Headers& headers, int minor_version, std::string_view authority);

// Whether a comma-separated header value holds `token` (lower case), whatever its case.
bool has_token(std::string_view list, std::string_view token);

}  // namespace convd::transport
