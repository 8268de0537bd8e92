#pragma once
// Whether the disk has room for new work.

#include <optional>
#include <string>

#include "convd/jobs/manager.h"
#include "convd/loop/loop.h"
#include "convd/store/store.h"
#include "shared/result.h"

namespace convd::jobs {

// Closed below the floor, open again an eighth above it, so that a disk at the brink does not flutter. Closed, too,
// from when the store had to give up its reserve until that is restored. Says so in the log when it changes. Loop
// thread only.
class Disk {
 public:
  // `settings` outlives this object.
  Disk(loop::Loop& loop, store::Store& store, const Settings& settings);
  ~Disk();
  Disk(const Disk&) = delete;
  Disk& operator=(const Disk&) = delete;

  // disk_full when nothing new may be stored now. Looks at the file system: a microsecond.
  std::optional<shared::Error> refusal() const;
  // There is next to no space, or only what was held back for this: not even what was accepted should be begun.
  bool is_exhausted() const;
  std::int64_t free_bytes() const { return store_.files().free_bytes(); }

 private:
  void look();
  void restore_reserve();

  loop::Loop& loop_;
  store::Store& store_;
  const Settings& settings_;
  mutable bool closed_ = false;
  bool restoring_ = false;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
  loop::Timer timer_;
};

}  // namespace convd::jobs
