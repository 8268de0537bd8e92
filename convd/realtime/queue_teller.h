#pragma once
// Tells those who listen how full the queue is, and where the next ones of their org stand: queue.depth, once a second
// at most, when something has changed or somebody has come who does not know yet.

#include <map>
#include <string>

#include "convd/events/event.h"
#include "convd/jobs/manager.h"
#include "convd/loop/loop.h"

namespace convd::realtime {

// Looks once a second whether anybody listens; while nobody does, that is all. Loop thread only.
class QueueTeller {
 public:
  // All outlive this object.
  QueueTeller(loop::Loop& loop, const jobs::Manager& manager, events::ProgressSink& sink);
  QueueTeller(const QueueTeller&) = delete;
  QueueTeller& operator=(const QueueTeller&) = delete;

 private:
  void look();

  const jobs::Manager& manager_;
  events::ProgressSink& sink_;
  struct Told {
    std::string depth;
    std::int64_t newcomers = 0;
    bool operator==(const Told&) const = default;
  };
  std::map<std::string, Told> told_;  // by org: only those that listen
  loop::Timer timer_;
};

}  // namespace convd::realtime
