#pragma once
// Enums by name: one array of names, or of rows, in the order of the values, from 0. Any thread.

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

// Whether a table with one row for each value, which is its `member`, can be indexed by the value.
template <auto member, typename Row, std::size_t count>
constexpr bool in_enum_order(const std::array<Row, count>& rows) {
  for (std::size_t i = 0; i < count; ++i) {
    if (static_cast<std::size_t>(rows[i].*member) != i) return false;
  }
  return true;
}

}  // namespace shared
