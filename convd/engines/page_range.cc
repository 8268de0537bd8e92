#include "convd/engines/page_range.h"

#include <charconv>

namespace convd::engines {
namespace {

std::optional<int> page_number(std::string_view text) {
  int number = 0;
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (problem != std::errc() || end != text.data() + text.size() || number < 1 || number > 1'000'000)
    return std::nullopt;
  return number;
}

}  // namespace

std::optional<PageRange> parse_page_range(std::string_view text) {
  const auto dash = text.find('-');
  const auto first = page_number(text.substr(0, dash));
  if (!first) return std::nullopt;
  if (dash == std::string_view::npos) return PageRange{*first, *first};
  if (dash + 1 == text.size()) return PageRange{*first, std::nullopt};
  const auto last = page_number(text.substr(dash + 1));
  if (!last || *last < *first) return std::nullopt;
  return PageRange{*first, *last};
}

std::string to_string(const PageRange& range) {
  const std::string first = std::to_string(range.first);
  if (!range.last) return first + "-";
  return *range.last == range.first ? first : first + "-" + std::to_string(*range.last);
}

}  // namespace convd::engines
