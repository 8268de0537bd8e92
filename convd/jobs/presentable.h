#pragma once
// Makes what an engine printed fit for a status object. Pure.

#include <string>
#include <string_view>

namespace convd::jobs {

// Valid UTF-8 without control characters (newlines and tabs stay); every occurrence of `secret` is blotted out.
std::string presentable(std::string_view text, std::string_view secret);

}  // namespace convd::jobs
