#pragma once
// The hub of the unified stream: for every org that somebody listens to, one ring of the newest events, serialised
// once. A reader is a cursor into it: what it has not taken yet costs nothing, however slow it is. One that falls out
// of the ring goes on from the store, and one that falls out of the store is told of the gap and how things stand.

#include <cstddef>
#include <cstdint>
#include <limits>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "convd/events/event.h"
#include "convd/events/filter.h"
#include "convd/events/log_source.h"
#include "convd/loop/loop.h"
#include "shared/stream.h"

namespace convd::events {

struct HubLimits {
  std::size_t ring_bytes = 8 << 20;  // of one org
  std::size_t ring_events = 16'384;
  std::size_t all_bytes = 256 << 20;     // of all rings: those without readers go first
  std::size_t compress_bytes = 1 << 10;  // frames from this size on are compressed for those who asked
  int page = 512;                        // events read from the store at a time
  int preload = 2'048;                   // events a ring begins with
  int readers_per_turn = 128;            // woken in one turn of the loop
  loop::milliseconds linger{30'000};     // how long a ring outlives its last reader
};

// What one connection is given to write.
enum class Encoding : std::uint8_t {
  websocket,          // text frames of RFC 6455
  websocket_deflate,  // the same, large ones as binary frames of raw DEFLATE
  sse,                // "id: epoch:seq", "data: <frame>"
  json,               // events as members of a JSON array, "," behind each
};

struct Start {
  enum class From : std::uint8_t { now, oldest, position };
  From from = From::now;
  std::string epoch;  // of `position`; empty when the client does not know one
  std::int64_t seq = 0;
};

// How a reader has begun: the contents of an ack.
struct Opened {
  LogHead log;
  std::optional<shared::GapReason> gap;
  std::int64_t replaying = 0;  // state events of its topics between where it goes on from and the head
};

struct HubStats {
  std::size_t readers = 0;
  std::size_t subscriptions = 0;  // one per org and topic, however many readers follow it
  std::size_t orgs = 0;
  std::size_t ring_bytes = 0;
  std::int64_t delivered = 0;
  std::int64_t compressed = 0;  // messages sent in compressed form
  std::int64_t replayed = 0;
  std::int64_t conflated = 0;  // progress that was superseded before it was taken, or before it left the producer
  std::map<shared::GapReason, std::int64_t> gaps;
  std::vector<std::int64_t> lag_counts;  // deliveries by lag_bounds_s, the last one is +Inf
  double lag_sum_s = 0;
};

// Loop thread only.
class Hub {
 public:
  struct State;  // hub_state.h
  class Reader;
  class Waker {
   public:
    virtual ~Waker() = default;
    virtual void on_opened(const Opened& opened) = 0;
    virtual void on_refused(const shared::Error& error) = 0;  // the log cannot be read now
    // Something waits to be taken.
    virtual void on_events() = 0;
  };

  Hub(loop::Loop& loop, LogSource& source, HubLimits limits = {});
  ~Hub();
  Hub(const Hub&) = delete;
  Hub& operator=(const Hub&) = delete;

  // What has been committed, in the order of the log. Wakes readers in a later turn.
  void append(const std::string& org, Event event);

  // `waker` outlives the reader, and is never called from within this function.
  [[nodiscard]] std::unique_ptr<Reader> attach(const std::string& org, Filter filter, Start start, Encoding encoding,
                                               Waker& waker);

  bool is_heard(const std::string& org, shared::Service service) const;
  std::int64_t newcomers(const std::string& org, shared::Service service) const;
  std::vector<std::string> listening_orgs(shared::Service service) const;
  void count_conflated(std::int64_t events);
  HubStats stats() const;
  static const std::vector<double>& lag_bounds_s();

 private:
  std::shared_ptr<State> state_;
};

// One cursor. Ends with its object. Loop thread only.
class Hub::Reader {
 public:
  virtual ~Reader() = default;
  // What waits, in the reader's encoding: about so many bytes and at most so many events, one at least; empty when
  // there is nothing. Valid until the next call to the hub or any reader.
  struct Most {
    std::size_t bytes = 0;
    int events = std::numeric_limits<int>::max();
    bool operator==(const Most&) const = default;
  };
  virtual std::string_view take(const Most& most) = 0;
  // Everything that was asked for up to here has been taken.
  virtual std::int64_t position() const = 0;
  // The last gap it has come to.
  virtual std::optional<shared::GapReason> gap() const = 0;
  // Holds progress back while nothing else waits, but for one look per `interval`.
  virtual void set_progress_interval(loop::milliseconds interval) = 0;
};

}  // namespace convd::events
