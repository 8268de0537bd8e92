#include "convd/api/idempotency_key.h"

#include <algorithm>

namespace convd::api {
namespace {

constexpr std::string_view header_name = "idempotency-key";
constexpr std::size_t most_characters = 255;

bool is_visible(char c) {
  return c > ' ' && c < 0x7f;
}

// Nothing when the quotes do not close where the text ends, or when something else is escaped than a quote or a
// backslash.
std::optional<std::string> unquoted(std::string_view text) {
  std::string key;
  for (std::size_t i = 1; i < text.size(); ++i) {
    if (text[i] == '"') return i + 1 == text.size() ? std::optional(key) : std::nullopt;
    if (text[i] == '\\' && (++i == text.size() || (text[i] != '"' && text[i] != '\\'))) return std::nullopt;
    key += text[i];
  }
  return std::nullopt;
}

std::optional<std::string> read_key(std::string_view text) {
  if (text.starts_with('"')) return unquoted(text);
  if (text.find_first_of("\"\\") != text.npos) return std::nullopt;
  return std::string(text);
}

}  // namespace

shared::Result<std::optional<std::string>> idempotency_key(const Request& request) {
  const auto is_key = [](const auto& header) { return header.first == header_name; };
  const auto count = std::count_if(request.headers.begin(), request.headers.end(), is_key);
  if (count == 0) return std::optional<std::string>();
  auto key = read_key(request.header(header_name));
  if (count == 1 && key && !key->empty() && key->size() <= most_characters &&
      std::all_of(key->begin(), key->end(), is_visible))
    return key;
  return shared::Error{shared::ErrorCode::invalid_request,
                       "Idempotency-Key: expected one key of 1 to 255 visible ASCII characters, for example "
                       "\"8e03978e-40d5-43dd-bc93-6894a57f9324\" with or without its quotes",
                       {}};
}

}  // namespace convd::api
