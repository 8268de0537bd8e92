#pragma once
// "1-3,7,9-" as PDF exports take it. Pure.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace convd::office {

// The pages of a document of `count` pages that `range` names, from 1, in order, each once. An empty range names all.
std::vector<std::int64_t> pages_of(std::string_view range, std::int64_t count);
// The other way round: 1, 2, 3, 7 is "1-3,7".
std::string range_of(const std::vector<std::int64_t>& pages);

}  // namespace convd::office
