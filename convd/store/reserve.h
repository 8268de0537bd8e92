#pragma once
// A file that holds some space, to be given back when the disk is full: then what ends conversions or removes something
// can still be committed.

#include <atomic>
#include <cstdint>
#include <string>

#include "shared/result.h"

namespace convd::store {

// Any thread; restore() and release() may block.
class Reserve {
 public:
  static constexpr std::int64_t size_bytes = 8 << 20;

  explicit Reserve(std::string path) : path_(std::move(path)) {}
  Reserve(const Reserve&) = delete;
  Reserve& operator=(const Reserve&) = delete;

  // Takes the space, unless it is held already. Errors: disk_full, unavailable; nothing is taken then.
  shared::Result<void> restore();
  // Gives it back. It is spent then, until it is restored.
  void release();
  bool is_spent() const { return spent_; }

 private:
  const std::string path_;
  std::atomic<bool> spent_ = false;
};

// Gives the write-ahead log blocks of its own beyond its end. It is written from the beginning again and again, so what
// removes something finds room in it whatever others have taken. May block; nothing is held where that is not possible.
void hold_log_space(const std::string& log_path);

}  // namespace convd::store
