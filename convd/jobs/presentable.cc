#include "convd/jobs/presentable.h"

#include <algorithm>

#include "shared/utf8.h"

namespace convd::jobs {
namespace {

constexpr std::string_view replacement = "\xEF\xBF\xBD";

// Length of the valid character at the start of `text`, 0 when there is none.
std::size_t character(std::string_view text) {
  for (std::size_t length = 1; length <= std::min<std::size_t>(4, text.size()); ++length) {
    if (shared::is_utf8(text.substr(0, length))) return length;
  }
  return 0;
}

bool is_shown(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return c == '\n' || c == '\t' || (byte >= 0x20 && byte != 0x7f);
}

void blot(std::string& text, std::string_view secret) {
  for (std::size_t at = 0; !secret.empty() && (at = text.find(secret, at)) != std::string::npos; at += 3) {
    text.replace(at, secret.size(), "***");
  }
}

}  // namespace

std::string presentable(std::string_view text, const std::vector<std::string_view>& secrets) {
  std::string blotted(text);
  for (const std::string_view secret : secrets) blot(blotted, secret);
  std::string clean;
  for (std::size_t at = 0; at < blotted.size();) {
    const std::size_t length = character(std::string_view(blotted).substr(at));
    if (length == 0) clean += replacement;
    if (length > 1 || (length == 1 && is_shown(blotted[at]))) clean.append(blotted, at, length);
    at += std::max<std::size_t>(1, length);
  }
  return clean;
}

}  // namespace convd::jobs
