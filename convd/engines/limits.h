#pragma once
// Sizes and times of which the engines' limits are made. Any thread.

#include <cstdint>

namespace convd::engines {

inline constexpr std::int64_t mebibyte = std::int64_t{1} << 20;
inline constexpr std::int64_t gibibyte = std::int64_t{1} << 30;
inline constexpr std::int64_t minute_ms = 60'000;

}  // namespace convd::engines
