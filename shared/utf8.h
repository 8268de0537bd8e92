#pragma once
// UTF-8 (RFC 3629): no surrogates, no overlong forms, nothing above U+10FFFF. Any thread.

#include <string_view>

namespace shared {

bool is_utf8(std::string_view text);

}  // namespace shared
