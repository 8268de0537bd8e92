#pragma once
// A page range as clients write it: "3", "2-5", "4-". Any thread.

#include <optional>
#include <string>
#include <string_view>

namespace convd::engines {

struct PageRange {
  int first = 1;
  std::optional<int> last;  // nothing: to the end
};

// Pages count from 1 up to 1 000 000.
std::optional<PageRange> parse_page_range(std::string_view text);
std::string to_string(const PageRange& range);

}  // namespace convd::engines
