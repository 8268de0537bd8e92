#include "convd/transport/request_head.h"

#include <algorithm>
#include <optional>

#include "convd/api/text.h"
#include "convd/transport/invalid.h"

namespace convd::transport {
namespace {

using shared::Error;
using shared::Result;

Result<std::string> decode(std::string_view text, bool plus_is_space) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      out += plus_is_space && text[i] == '+' ? ' ' : text[i];
      continue;
    }
    const int high = i + 1 < text.size() ? api::hex_value(text[i + 1]) : -1;
    const int low = i + 2 < text.size() ? api::hex_value(text[i + 2]) : -1;
    if (high < 0 || low < 0) return invalid("The request target has a '%' that is not followed by two hex digits.");
    const int byte = high * 16 + low;
    if (byte < 0x20 || byte == 0x7f) return invalid("The request target holds an encoded control byte.");
    out += static_cast<char>(byte);
    i += 2;
  }
  return out;
}

struct Parts {
  std::string_view authority;
  std::string_view origin_form;
};

// Nothing when the form is neither origin nor absolute.
std::optional<Parts> take_apart(std::string_view target) {
  if (target.starts_with('/')) return Parts{{}, target};
  for (const std::string_view scheme : {"http://", "https://"}) {
    if (!target.starts_with(scheme)) continue;
    target.remove_prefix(scheme.size());
    const std::size_t end = std::min(target.find_first_of("/?"), target.size());
    if (end == 0 || (end < target.size() && target[end] == '?')) return std::nullopt;
    return Parts{target.substr(0, end), end < target.size() ? target.substr(end) : "/"};
  }
  return std::nullopt;
}

std::optional<Error> add_segments(std::string_view path, std::vector<std::string>& out) {
  path.remove_prefix(1);
  if (path.ends_with('/')) path.remove_suffix(1);
  if (path.empty()) return std::nullopt;
  for (;;) {
    const std::size_t end = std::min(path.find('/'), path.size());
    auto segment = decode(path.substr(0, end), false);
    if (!segment) return segment.error();
    if (*segment == "." || *segment == "..") return invalid("The request path holds a '.' or '..' segment.");
    out.push_back(std::move(*segment));
    if (end == path.size()) return std::nullopt;
    path.remove_prefix(end + 1);
  }
}

std::optional<Error> add_pairs(std::string_view query, std::vector<std::pair<std::string, std::string>>& out) {
  while (!query.empty()) {
    const std::size_t end = std::min(query.find('&'), query.size());
    const std::string_view pair = query.substr(0, end);
    query.remove_prefix(std::min(end + 1, query.size()));
    if (pair.empty()) continue;
    const std::size_t equals = std::min(pair.find('='), pair.size());
    auto name = decode(pair.substr(0, equals), true);
    if (!name) return name.error();
    auto value = decode(equals < pair.size() ? pair.substr(equals + 1) : std::string_view(), true);
    if (!value) return value.error();
    out.emplace_back(std::move(*name), std::move(*value));
  }
  return std::nullopt;
}

}  // namespace

Result<std::string> percent_decode(std::string_view text) {
  return decode(text, false);
}

Result<Target> parse_target(std::string_view target) {
  const auto parts = take_apart(target);
  if (!parts) return invalid("The request target must be a path that begins with '/', or an http:// URL.");
  const std::string_view origin = parts->origin_form;
  if (origin.find('#') != std::string_view::npos) return invalid("The request target must not hold a fragment ('#').");
  const std::size_t mark = std::min(origin.find('?'), origin.size());
  Target out;
  out.authority = parts->authority;
  if (auto error = add_segments(origin.substr(0, mark), out.path)) return *error;
  if (mark < origin.size()) {
    if (auto error = add_pairs(origin.substr(mark + 1), out.query)) return *error;
  }
  return out;
}

}  // namespace convd::transport
