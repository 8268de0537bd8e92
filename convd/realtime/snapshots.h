#pragma once
// How things stand, page by page, for those who have missed what led there.

#include <string>

#include "convd/events/log_source.h"
#include "convd/jobs/manager.h"
#include "convd/loop/loop.h"

namespace convd::realtime {

// Loop thread only.
class Snapshots {
 public:
  Snapshots(jobs::Manager& manager, const loop::Loop& loop) : manager_(manager), loop_(loop) {}

  // Conversions: those that have not ended, and of the newest those that ended within the last 15 minutes (one that was
  // submitted long before others and ended just now may be missing). Documents: the library.
  // Of the other services there is nothing to tell. Throws std::runtime_error when the store cannot be read.
  events::SnapshotPage page(const std::string& org, const events::Topic& topic, const std::string& cursor) const;

 private:
  events::SnapshotPage conversions(const std::string& org, const std::string& cursor) const;
  events::SnapshotPage conversion(const std::string& org, const std::string& id) const;
  events::SnapshotPage documents(const std::string& org, const std::string& cursor) const;
  bool has_ended_long_ago(const shared::StatusObject& object) const;
  events::Event event(shared::Service service, const std::string& subject, const shared::Json& data) const;

  jobs::Manager& manager_;
  const loop::Loop& loop_;
};

}  // namespace convd::realtime
