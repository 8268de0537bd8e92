#include "convd/office/page_range.h"

#include <algorithm>
#include <charconv>

namespace convd::office {
namespace {

// `otherwise` when there is no number.
std::int64_t number(std::string_view text, std::int64_t otherwise) {
  while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
  std::int64_t value = 0;
  return std::from_chars(text.data(), text.data() + text.size(), value).ec == std::errc() ? value : otherwise;
}

void mark(std::string_view part, std::vector<bool>& wanted) {
  const auto count = static_cast<std::int64_t>(wanted.size());
  const std::size_t dash = part.find('-');
  const std::int64_t first = number(part.substr(0, dash), 1);
  const std::int64_t last = dash == std::string_view::npos ? first : number(part.substr(dash + 1), count);
  for (std::int64_t page = std::max<std::int64_t>(first, 1); page <= std::min(last, count); ++page)
    wanted[static_cast<std::size_t>(page - 1)] = true;
}

}  // namespace

std::vector<std::int64_t> pages_of(std::string_view range, std::int64_t count) {
  std::vector<bool> wanted(static_cast<std::size_t>(std::max<std::int64_t>(count, 0)), range.empty());
  while (!range.empty()) {
    const std::size_t end = std::min(range.find_first_of(",;"), range.size());
    mark(range.substr(0, end), wanted);
    range.remove_prefix(std::min(end + 1, range.size()));
  }
  std::vector<std::int64_t> pages;
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    if (wanted[i]) pages.push_back(static_cast<std::int64_t>(i) + 1);
  }
  return pages;
}

std::string range_of(const std::vector<std::int64_t>& pages) {
  std::string range;
  for (std::size_t i = 0; i < pages.size();) {
    std::size_t last = i;
    while (last + 1 < pages.size() && pages[last + 1] == pages[last] + 1) ++last;
    range += (range.empty() ? "" : ",") + std::to_string(pages[i]);
    if (last > i) range += "-" + std::to_string(pages[last]);
    i = last + 1;
  }
  return range;
}

}  // namespace convd::office
