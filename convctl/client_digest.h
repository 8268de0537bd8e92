#pragma once
// A name for contents: the same bytes and words give the same one. Not against anybody who looks for two of one name.
// Main thread only.

#include <string>
#include <string_view>
#include <vector>

namespace convctl {

// 40 hexadecimal digits over the bytes of an open file, from its start, and the words. Throws Failure (no_input) when
// it cannot be read.
std::string digest_of(int fd, const std::vector<std::string>& words);

}  // namespace convctl
