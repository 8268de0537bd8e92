#pragma once
// Where a reader of the event stream stands: what it asks for next, and which events it has had. Pure. Any thread.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "shared/stream.h"

namespace convctl {

// Where reading starts.
struct Since {
  enum class Kind { now, oldest, position };
  Kind kind = Kind::now;
  shared::Position position = {};  // the epoch may be empty: whatever log there is
};
// "all", "1041" or "9f3c...:1041". Throws Failure (usage).
Since since_from(const std::string& text);
// Every argument may be several names with commas between. Throws Failure (usage).
std::vector<std::string> services_from(const std::vector<std::string>& arguments);

class EventCursor {
 public:
  // `progress_ms` 0: as often as the daemon likes.
  EventCursor(std::vector<std::string> services, Since since, int progress_ms = 0);

  const std::vector<std::string>& services() const { return services_; }
  // The first message of a stream that goes on from here.
  std::string handshake() const;
  // The request that goes on from here, without its host.
  std::string poll_target(int wait_s) const;

  // The daemon has said which log this is, where it ends, and whether everything after our position follows.
  void acknowledged(const std::string& epoch, std::int64_t head, bool recovered);
  // A page of that log follows, from where it was asked for.
  void paged(const std::string& epoch);
  // Snapshots follow, then what comes after `head`. Until the first word of that, a new connection begins before the
  // gap, for nobody knows which snapshot was the last one.
  void gap(std::int64_t head);
  // The next request begins with the oldest that is retained.
  void start_over();
  // An event that is no snapshot; false: it is known already.
  bool advance(std::int64_t seq);

  // Of the log that is read now; empty before the first contact.
  const std::string& epoch() const { return epoch_; }
  bool starts_over() const { return since_.kind == Since::Kind::oldest; }
  // Nothing before the first contact.
  std::optional<shared::Position> position() const;

 private:
  bool from_oldest() const;

  std::vector<std::string> services_;
  Since since_;
  int progress_ms_;
  std::string epoch_;
  std::optional<std::int64_t> behind_gap_;
};

}  // namespace convctl
