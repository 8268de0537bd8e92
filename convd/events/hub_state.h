#pragma once
// The inside of the hub: one log per org with its ring, the readers of each topic, and who is to be woken.

#include <array>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "convd/events/deflate.h"
#include "convd/events/hub.h"
#include "convd/events/ring.h"

namespace convd::events {

class Cursor;

// The readers of one topic. Their places stay while they are being woken.
struct Audience {
  std::vector<Cursor*> readers;  // null: has left
  std::size_t present = 0;
  std::size_t next = 0;  // the one to wake next
  bool waiting = false;  // in the queue of those to be woken
  bool again = false;    // more has come for those who have been woken already
};

// What the readers of one filter and encoding, who stand at the same place, are all given.
struct Slice {
  std::shared_ptr<const Filter> filter;
  Encoding encoding = Encoding::websocket;
  Hub::Reader::Most most;
  Ring::Place from = 0;
  Ring::Place until = 0;  // the end of the ring when it was made
  Ring::Place to = 0;     // the cursor afterwards
  std::string bytes;
  std::int64_t events = 0;
  std::int64_t compressed = 0;
  std::int64_t skipped = 0;
  loop::TimePoint appended_at;  // the first event of it
};

struct OrgLog {
  std::string org;
  bool asked = false;
  bool open = false;
  LogHead head;
  std::unique_ptr<Ring> ring;
  std::map<Topic, Audience> audiences;
  std::size_t readers = 0;
  std::array<std::int64_t, shared::service_count> newcomers{};
  std::vector<Cursor*> opening;  // those who wait for the log to be opened, or for the next turn
  std::array<Slice, 4> slices;
  std::size_t next_slice = 0;
  loop::Timer linger;
};

// Loop thread only.
struct Hub::State : std::enable_shared_from_this<State> {
  State(loop::Loop& l, LogSource& s, HubLimits given) : loop(l), source(s), limits(given) {}

  OrgLog& log_of(const std::string& org);
  void ask(const std::string& org);
  void opened(const std::string& org, shared::Result<LogHead> head);
  std::unique_ptr<Ring> preloaded(const std::string& org, std::int64_t head);
  void begin_waiting(const std::string& org);
  void append(const std::string& org, Event event);
  void enter(Cursor& cursor);
  void leave(Cursor& cursor);
  void announce(OrgLog& log, const Topic& topic);
  void sweep();
  void sweep_later();
  int wake_some(OrgLog& log, const Topic& topic, int most);
  void keep_within_bounds();
  std::size_t ring_bytes() const;

  const Slice& slice(OrgLog& log, const std::shared_ptr<const Filter>& filter, Encoding encoding, Ring::Place from,
                     const Hub::Reader::Most& most);
  // What the frame is to server-sent events. Only an event is a position: a browser that is cut off in the middle of a
  // snapshot comes back from where it was before the gap, and is told the gap again.
  enum class Kind : std::uint8_t { event, gap, snapshot };
  void encode(std::string& out, const OrgLog& log, const std::string& frame, std::int64_t seq, Encoding encoding,
              Kind kind = Kind::event);
  void delivered(const Slice& slice, bool was_current);

  loop::Loop& loop;
  LogSource& source;
  const HubLimits limits;
  std::unordered_map<std::string, std::unique_ptr<OrgLog>> logs;
  std::deque<std::pair<std::string, Topic>> to_wake;
  bool sweeping = false;
  Deflater deflater;
  std::string scratch;  // what take() hands out, where it is no slice
  HubStats counters;
};

// A reader: where it is in the log, and by what means it goes on.
class Cursor final : public Hub::Reader {
 public:
  enum class Phase : std::uint8_t { opening, gap, snapshot, stored, ring, failed };

  Cursor(std::shared_ptr<Hub::State> state, OrgLog& log, Filter filter, Start start, Encoding encoding,
         Hub::Waker& waker);
  ~Cursor() override;

  std::string_view take(const Most& most) override;
  std::int64_t position() const override { return position_; }
  std::optional<shared::GapReason> gap() const override { return gap_; }
  void set_progress_interval(loop::milliseconds interval) override { interval_ = interval; }

  // By the hub: the log is open; there is something new; it cannot be read.
  void begin();
  void wake();
  void refuse(const shared::Error& error);

  OrgLog& log() { return log_; }
  const Filter& filter() const { return *filter_; }

 private:
  Opened open_at();
  std::int64_t to_replay() const;
  void fall_into_gap(shared::GapReason reason);
  void tell_gap();
  void tell_snapshot();
  std::optional<std::vector<Event>> read_page(std::int64_t through, int most);
  void read_stored(const Most& most);
  std::string_view take_from_ring(const Most& most);
  bool only_progress_waits() const;
  void fail(const std::string& why);

  const std::shared_ptr<Hub::State> state_;
  OrgLog& log_;
  const std::shared_ptr<const Filter> filter_;
  const Start start_;
  const Encoding encoding_;
  Hub::Waker& waker_;
  Phase phase_ = Phase::opening;
  std::int64_t position_ = 0;             // everything up to here is done
  Ring::Place place_ = 0;                 // in the ring: the first entry behind it
  bool current_ = false;                  // it has been at the head of the log
  std::optional<shared::GapReason> gap_;  // the last one
  LogHead gap_log_;
  std::size_t snapshot_topic_ = 0;
  std::string snapshot_cursor_;
  loop::milliseconds interval_{0};
  loop::TimePoint woken_at_;
  loop::Timer later_;
};

}  // namespace convd::events
