#pragma once
// Wall time as it is stored and told: milliseconds since the Unix epoch, UTC. Loop thread only.

#include <chrono>
#include <cstdint>

#include "convd/loop/loop.h"

namespace convd::loop {

inline std::int64_t wall_ms(const Loop& loop) {
  return std::chrono::duration_cast<milliseconds>(loop.wall().time_since_epoch()).count();
}

}  // namespace convd::loop
