#include "convd/api/expiry.h"

#include <algorithm>
#include <utility>

#include "convd/loop/wall_clock.h"

namespace convd::api {
namespace {

// The wall clock may be set meanwhile, and an end may be further off than a timer can count.
constexpr loop::milliseconds longest_wait{3'600'000};

}  // namespace

loop::milliseconds within_token(std::int64_t end_ms, loop::milliseconds wanted, const loop::Loop& loop) {
  if (end_ms == 0) return wanted;
  return std::clamp(loop::milliseconds(end_ms - loop::wall_ms(loop)), loop::milliseconds(0), wanted);
}

void Expiry::set(std::int64_t wall_ms) {
  end_ms_ = wall_ms;
  warned_ = false;
  timer_.reset();
  if (end_ms_ != 0) wait();
}

void Expiry::wait() {
  const std::int64_t next_ms = warned_ ? end_ms_ : end_ms_ - warning.count();
  const loop::milliseconds left(next_ms - loop::wall_ms(loop_));
  timer_ = loop_.after(std::clamp(left, loop::milliseconds(0), longest_wait), [this] { look(); });
}

void Expiry::look() {
  const std::int64_t now_ms = loop::wall_ms(loop_);
  if (now_ms >= end_ms_) {
    timer_.reset();
    return told_.over();
  }
  if (!warned_ && now_ms >= end_ms_ - warning.count()) {
    warned_ = true;
    told_.soon();
  }
  wait();
}

}  // namespace convd::api
