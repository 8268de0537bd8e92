#pragma once
// One fact of an org's log, and how producers of progress bring theirs in. Plain data.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "shared/stream.h"

namespace convd::events {

struct Event {
  std::int64_t seq = 0;
  std::optional<std::int64_t> prev;  // seq of the state event before this one of the same service
  std::int64_t ts_ms = 0;            // since the Unix epoch, UTC
  shared::Service service = shared::Service::conversion;
  shared::EventClass event_class = shared::EventClass::state;
  std::string type;       // "conversion.completed"
  std::string subject;    // conversion id, document name, ...
  std::string data_json;  // the whole object as it is now
};

// Something whose latest value counts. It gets its seq when it enters the log.
struct Progress {
  std::string org;
  shared::Service service = shared::Service::conversion;
  std::string type;
  std::string subject;
  std::string data_json;
};

// The way of progress into the log. Loop thread only.
class ProgressSink {
 public:
  virtual ~ProgressSink() = default;
  // Whether anybody of the org listens to this service now; else the event need not be made.
  virtual bool is_heard(const std::string& org, shared::Service service) const = 0;
  // Grows when somebody comes who has heard nothing yet; begins anew when nobody has listened for a while.
  virtual std::int64_t newcomers(const std::string& org, shared::Service service) const = 0;
  // At most five per second for one (org, service, subject) go on, always the latest; the last one is never lost.
  virtual void offer(Progress progress) = 0;
  // A state event of this subject makes progress that still waits untrue.
  virtual void drop(const std::string& org, shared::Service service, const std::string& subject) = 0;
  // Orgs of which somebody listens to this service.
  virtual std::vector<std::string> listening_orgs(shared::Service service) const = 0;
};

}  // namespace convd::events
