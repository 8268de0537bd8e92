#pragma once
// Enums by name: one array of names in the order of the values, from 0. Any thread.

#include <array>
#include <cstddef>
#include <optional>
#include <string_view>

namespace shared {

template <typename Enum, std::size_t count>
constexpr std::string_view name_of(const std::array<std::string_view, count>& names, Enum value) {
  return names[static_cast<std::size_t>(value)];
}

template <typename Enum, std::size_t count>
constexpr std::optional<Enum> value_of(const std::array<std::string_view, count>& names, std::string_view name) {
  for (std::size_t i = 0; i < count; ++i) {
    if (names[i] == name) return static_cast<Enum>(i);
  }
  return std::nullopt;
}

}  // namespace shared
