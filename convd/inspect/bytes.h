#pragma once
// Numbers within bytes that nobody has checked: what lies outside is zero. Any thread.

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace convd::inspect {

enum class Order : unsigned char { little, big };

// At most eight bytes.
inline std::uint64_t number_at(std::string_view bytes, std::size_t offset, std::size_t width, Order order) {
  if (offset > bytes.size() || width > bytes.size() - offset) return 0;
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < width; ++i) {
    const std::size_t at = order == Order::big ? i : width - 1 - i;
    value = value << 8U | static_cast<unsigned char>(bytes[offset + at]);
  }
  return value;
}

inline std::uint64_t little(std::string_view bytes, std::size_t offset, std::size_t width) {
  return number_at(bytes, offset, width, Order::little);
}

inline std::uint64_t big(std::string_view bytes, std::size_t offset, std::size_t width) {
  return number_at(bytes, offset, width, Order::big);
}

// Also for an offset beyond the end.
inline bool has_at(std::string_view bytes, std::size_t offset, std::string_view what) {
  return offset <= bytes.size() && bytes.substr(offset, what.size()) == what;
}

}  // namespace convd::inspect
