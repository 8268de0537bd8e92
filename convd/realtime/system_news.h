#pragma once
// What the daemon has to say of itself to everybody who listens.

#include <string>

#include "convd/events/event.h"

namespace convd::realtime {

// Loop thread only.
class SystemNews {
 public:
  explicit SystemNews(events::ProgressSink& sink) : sink_(sink) {}
  SystemNews(const SystemNews&) = delete;
  SystemNews& operator=(const SystemNews&) = delete;

  void draining(const std::string& message) { tell("system.draining", message); }
  void reloaded(const std::string& message) { tell("system.reloaded", message); }

 private:
  void tell(const std::string& type, const std::string& message);

  events::ProgressSink& sink_;
};

}  // namespace convd::realtime
