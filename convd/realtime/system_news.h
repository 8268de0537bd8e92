#pragma once
// What the daemon has to say of itself to everybody who listens.

#include <string>

#include "convd/events/event.h"

namespace convd::realtime {

// Of what is said of one subject within a moment only the last is told. Loop thread only.
class SystemNews {
 public:
  explicit SystemNews(events::ProgressSink& sink) : sink_(sink) {}
  SystemNews(const SystemNews&) = delete;
  SystemNews& operator=(const SystemNews&) = delete;

  void paused(const std::string& message) { tell("system.paused", "convd", message); }
  void draining(const std::string& message) { tell("system.draining", "convd", message); }
  void drained(const std::string& message) { tell("system.drained", "convd", message); }
  void resumed(const std::string& message) { tell("system.resumed", "convd", message); }
  // A subject of its own: a reload must not take the place of the news that the daemon leaves.
  void reloaded(const std::string& message) { tell("system.reloaded", "configuration", message); }

 private:
  void tell(const std::string& type, const std::string& subject, const std::string& message);

  events::ProgressSink& sink_;
};

}  // namespace convd::realtime
