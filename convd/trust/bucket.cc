#include "convd/trust/bucket.h"

#include <algorithm>
#include <cmath>

namespace convd::trust {
namespace {

using Seconds = std::chrono::duration<double>;

double window_s(const Rate& rate) {
  return Seconds(rate.window).count();
}

}  // namespace

std::int64_t Bucket::left(const Rate& rate, TimePoint now) const {
  if (is_full(now)) return rate.amount;
  const double missing = Seconds(full_at_ - now).count() / window_s(rate) * static_cast<double>(rate.amount);
  // Not up for an error in the last digits.
  constexpr double rounding = 1e-6;
  return rate.amount - static_cast<std::int64_t>(std::ceil(missing - rounding));
}

void Bucket::charge(const Rate& rate, std::int64_t cost, TimePoint now) {
  const Seconds pace(static_cast<double>(cost) / static_cast<double>(rate.amount) * window_s(rate));
  full_at_ = std::max(full_at_, now) + std::chrono::duration_cast<TimePoint::duration>(pace);
}

milliseconds Bucket::wait_for(const Rate& rate, std::int64_t cost, TimePoint now) const {
  const std::int64_t short_by = std::min(cost, rate.amount) - left(rate, now);
  if (short_by <= 0) return milliseconds(0);
  const Seconds pace(static_cast<double>(short_by) / static_cast<double>(rate.amount) * window_s(rate));
  return std::chrono::ceil<milliseconds>(pace);
}

}  // namespace convd::trust
