#include "convd/jobs/drain_rate.h"

#include <algorithm>

namespace convd::jobs {
namespace {

constexpr std::size_t most_kept = 64;
constexpr std::size_t least_needed = 4;

}  // namespace

void DrainRate::freed(std::int64_t now_ms) {
  freed_ms_.push_back(now_ms);
  if (freed_ms_.size() > most_kept) freed_ms_.pop_front();
}

std::optional<double> DrainRate::ms_each(std::int64_t now_ms) const {
  if (freed_ms_.size() < least_needed) return std::nullopt;
  const auto passed_ms = static_cast<double>(now_ms - freed_ms_.front());
  return std::max(1.0, passed_ms / static_cast<double>(freed_ms_.size() - 1));
}

}  // namespace convd::jobs
