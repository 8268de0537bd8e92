#pragma once
// Where the hub gets what is not in its rings: the stored log, and how things stand.

#include <cstdint>
#include <functional>
#include <stdexcept>
#include <string>
#include <vector>

#include "convd/events/event.h"
#include "convd/events/filter.h"
#include "shared/result.h"

namespace convd::events {

struct LogHead {
  std::string epoch;
  std::int64_t oldest = 1;  // the first seq that may still be there
  std::int64_t head = 0;    // the last seq given out
};

// One page of how things stand with a service.
struct SnapshotPage {
  std::vector<Event> events;  // class snapshot; seq and prev are the hub's
  std::string next;           // cursor of the next page; empty at the end
};

// An event that was asked for is not what was written.
class DamagedLog : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

// Loop thread only.
class LogSource {
 public:
  virtual ~LogSource() = default;
  // The head of the org's log, which is begun when there is none. Every event with a greater seq is told to
  // Hub::append() after `done`, none before.
  virtual void open(const std::string& org, std::function<void(shared::Result<LogHead>)> done) = 0;
  // State events with after < seq <= through, oldest first, at most `limit`. Throws std::runtime_error when the store
  // cannot be read, DamagedLog when one of them cannot be trusted.
  virtual std::vector<Event> read(const std::string& org, std::int64_t after, std::int64_t through, int limit) = 0;
  // The newest `limit` of those with seq <= through, oldest first. Throws like read().
  virtual std::vector<Event> newest(const std::string& org, std::int64_t through, int limit) = 0;
  // How many state events of the topic have after < seq <= through.
  virtual std::int64_t count(const std::string& org, const Topic& topic, std::int64_t after, std::int64_t through) = 0;
  // The first seq that is still there.
  virtual std::int64_t oldest(const std::string& org) = 0;
  // How things stand with a topic. `cursor` is empty for the first page. Throws like read().
  virtual SnapshotPage snapshot(const std::string& org, const Topic& topic, const std::string& cursor) = 0;
};

}  // namespace convd::events
