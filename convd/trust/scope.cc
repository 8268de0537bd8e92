#include "convd/trust/scope.h"

#include <algorithm>
#include <array>

#include "shared/enum_names.h"

namespace convd::trust {
namespace {

constexpr std::array<std::string_view, 3> scope_names{"convert", "read", "admin"};

}  // namespace

std::string_view to_string(Scope scope) {
  return shared::name_of(scope_names, scope);
}

std::optional<Scope> scope_from(std::string_view name) {
  return shared::value_of<Scope>(scope_names, name);
}

Scopes Scopes::parse(std::string_view words) {
  Scopes scopes;
  while (!words.empty()) {
    const std::size_t end = std::min(words.find(' '), words.size());
    if (const auto scope = scope_from(words.substr(0, end))) scopes = scopes.with(*scope);
    words.remove_prefix(std::min(end + 1, words.size()));
  }
  return scopes;
}

Scopes Scopes::with(Scope scope) const {
  Scopes more = *this;
  more.bits_ = static_cast<std::uint8_t>(bits_ | bit(scope));
  return more;
}

std::string Scopes::text() const {
  std::string text;
  for (const std::string_view name : scope_names) {
    if (has(*scope_from(name))) text += (text.empty() ? "" : " ") + std::string(name);
  }
  return text;
}

}  // namespace convd::trust
