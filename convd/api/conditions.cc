#include "convd/api/conditions.h"

#include <algorithm>

#include "convd/api/text.h"

namespace convd::api {
namespace {

std::string_view strong(std::string_view etag) {
  return etag.substr(0, 2) == "W/" ? etag.substr(2) : etag;
}

// attr-char of RFC 8187, beside letters and digits.
constexpr std::string_view ext_value_chars = "!#$&+-.^_`|~";

ByteRange suffix_range(std::int64_t wanted, std::int64_t size_bytes) {
  if (wanted == 0) return {ByteRange::Kind::unsatisfiable, 0, 0};
  if (size_bytes == 0) return {};  // a part of nothing cannot be written as Content-Range
  const std::int64_t length = std::min(wanted, size_bytes);
  return {ByteRange::Kind::part, size_bytes - length, length};
}

}  // namespace

bool names_etag(std::string_view if_none_match, std::string_view etag) {
  const auto items = list_items(if_none_match);
  return std::any_of(items.begin(), items.end(),
                     [&](std::string_view item) { return item == "*" || strong(item) == strong(etag); });
}

ByteRange parse_range(std::string_view range, std::int64_t size_bytes) {
  const std::size_t equals = range.find('=');
  if (equals == range.npos || lower(trim(range.substr(0, equals))) != "bytes") return {};
  const auto specs = list_items(range.substr(equals + 1));
  if (specs.size() != 1) return {};
  const std::size_t dash = specs[0].find('-');
  if (dash == specs[0].npos) return {};
  const auto first = whole_number(specs[0].substr(0, dash));
  const std::string_view end = specs[0].substr(dash + 1);
  const auto last = whole_number(end);
  if (dash == 0) return last ? suffix_range(*last, size_bytes) : ByteRange{};
  if (!first || (!last && !end.empty()) || (last && *last < *first)) return {};
  if (*first >= size_bytes) return {ByteRange::Kind::unsatisfiable, 0, 0};
  const std::int64_t stop = last ? std::min(*last, size_bytes - 1) : size_bytes - 1;
  return {ByteRange::Kind::part, *first, stop - *first + 1};
}

bool range_applies(std::string_view if_range, std::string_view etag) {
  return trim(if_range).empty() || trim(if_range) == etag;
}

std::optional<std::int64_t> preferred_wait_s(std::string_view prefer) {
  for (const std::string_view item : list_items(prefer)) {
    const std::string_view preference = trim(item.substr(0, item.find(';')));
    const std::size_t equals = preference.find('=');
    if (equals == preference.npos || lower(trim(preference.substr(0, equals))) != "wait") continue;
    std::string_view seconds = trim(preference.substr(equals + 1));
    if (seconds.size() >= 2 && seconds.front() == '"' && seconds.back() == '"')
      seconds = seconds.substr(1, seconds.size() - 2);
    return whole_number(seconds);
  }
  return std::nullopt;
}

std::string attachment(std::string_view filename) {
  std::string fallback;
  for (const char c : filename) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte >= 0x80 && byte < 0xC0) continue;  // one mark for one character
    const bool plain = byte >= 0x20 && byte < 0x7F && c != '"' && c != '\\' && c != '%';
    fallback += plain ? c : '_';
  }
  return "attachment; filename=\"" + fallback + "\"; filename*=UTF-8''" + percent_encode(filename, ext_value_chars);
}

}  // namespace convd::api
