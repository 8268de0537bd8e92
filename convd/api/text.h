#pragma once
// The small ASCII grammar that header fields and forms are made of. Pure. Any thread.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace convd::api {

std::string lower(std::string_view text);
// Without the blanks and tabs around it.
std::string_view trim(std::string_view text);
// A token of RFC 9110: not empty, no separators.
bool is_token_char(char c);
bool is_token(std::string_view text);
// The items of a comma separated header field, trimmed, empty ones left out; commas in quoted strings do not separate.
std::vector<std::string_view> list_items(std::string_view field);
// Digits only; a number beyond 2^63-1 becomes that.
std::optional<std::int64_t> whole_number(std::string_view text);

// The value of a hex digit, or -1.
int hex_value(char c);
// Everything but letters, digits and `kept` becomes %XX. The default is safe in a path segment and in a query.
std::string percent_encode(std::string_view text, std::string_view kept = "-._~");
// Nothing when a '%' is not followed by two hex digits.
std::optional<std::string> percent_decode(std::string_view text);

}  // namespace convd::api
