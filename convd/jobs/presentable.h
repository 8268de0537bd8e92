#pragma once
// Makes what an engine printed fit for a status object. Pure.

#include <string>
#include <string_view>
#include <vector>

namespace convd::jobs {

// Valid UTF-8 without control characters (newlines and tabs stay); every occurrence of a secret is blotted out.
std::string presentable(std::string_view text, const std::vector<std::string_view>& secrets);

}  // namespace convd::jobs
