#pragma once
// Base64 with the alphabet for URLs and without padding (RFC 7515, 2), in its one canonical spelling. Pure. Any thread.

#include <optional>
#include <string>
#include <string_view>

namespace shared {

std::string to_base64url(std::string_view bytes);
// Nothing when a character is of another alphabet, the length is impossible, or bits are set that belong to no byte.
std::optional<std::string> from_base64url(std::string_view text);

}  // namespace shared
