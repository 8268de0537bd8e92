#pragma once
// Why the disk took less than it was given, until something is written again.

#include <mutex>
#include <optional>

#include "shared/result.h"

namespace convd::store {

// Any thread.
class LostWrite {
 public:
  // Only what the disk is to blame for: disk_full, unavailable.
  void note(const shared::Error& error) {
    if (error.code != shared::ErrorCode::disk_full && error.code != shared::ErrorCode::unavailable) return;
    const std::lock_guard lock(mutex_);
    reason_ = error;
  }
  void forget() {
    const std::lock_guard lock(mutex_);
    reason_.reset();
  }
  std::optional<shared::Error> reason() const {
    const std::lock_guard lock(mutex_);
    return reason_;
  }

 private:
  mutable std::mutex mutex_;
  std::optional<shared::Error> reason_;  // guarded by mutex_
};

}  // namespace convd::store
