#pragma once
// KEY=VALUE arguments. Pure. Any thread. All throw Failure with Exit::usage.

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "shared/json.h"

namespace convctl {

// true/false become booleans, whole numbers up to 2^53 numbers, all else a string. "1e3", "0x10", "007" and "1.5" stay
// strings: a version or a number of a document must not change its looks.
shared::Json typed_value(std::string_view text);
// One object of all -O arguments; the last one of a key wins.
shared::Json typed_options(const std::vector<std::string>& arguments);
std::map<std::string, std::string> labels_from(const std::vector<std::string>& arguments);

}  // namespace convctl
