#include "convctl/ladder.h"

#include <algorithm>

namespace convctl {

std::optional<Ladder::Step> Ladder::failed(double jitter) {
  const int allowed = mode_ == Mode::socket ? 5 : 3;
  if (++failures_ > allowed) {
    if (mode_ == last_) return std::nullopt;
    if (mode_ == Mode::socket) return leave_socket();
    mode_ = Mode::poll;
    failures_ = 0;
    return Step{mode_, std::chrono::milliseconds(0)};
  }
  const double full_ms = std::min(10'000.0, 1000.0 * static_cast<double>(1 << (failures_ - 1)));
  return Step{mode_, std::chrono::milliseconds(static_cast<long>(full_ms * (1.0 - jitter / 4)))};
}

Ladder::Step Ladder::leave_socket() {
  mode_ = Mode::long_poll;
  failures_ = 0;
  return Step{mode_, std::chrono::milliseconds(0)};
}

}  // namespace convctl
