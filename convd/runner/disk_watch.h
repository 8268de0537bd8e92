#pragma once
// Whether the disk of the workspaces has been full while somebody wrote there. Many programs do not look whether what
// they have written got to the disk, and end well with a part of it.

#include <memory>
#include <string>

#include "convd/loop/loop.h"
#include "convd/loop/unique_fd.h"

namespace convd::runner {

// Loop thread only. Looks some hundred times a second while somebody writes and little is left, else rarely; what is
// full for a shorter time than lies between two looks may go unseen.
class DiskWatch {
 public:
  DiskWatch(loop::Loop& loop, const std::string& directory);
  DiskWatch(const DiskWatch&) = delete;
  DiskWatch& operator=(const DiskWatch&) = delete;

  // Looks as long as any of these lives; none outlives the watch.
  using Writer = std::shared_ptr<const void>;
  Writer writer();
  // Looks, and says whether it was full then or at any look since.
  bool was_full_since(loop::TimePoint since);

 private:
  void look();

  loop::Loop& loop_;
  const loop::UniqueFd directory_;
  int writers_ = 0;
  loop::TimePoint last_full_ = loop::TimePoint::min();
  loop::Timer next_;
};

}  // namespace convd::runner
