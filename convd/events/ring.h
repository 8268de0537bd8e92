#pragma once
// The newest events of one org, each serialised once. Places in it are counted from its first event on and never used
// again, so a cursor is a number.

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <string>
#include <utility>

#include "convd/events/deflate.h"
#include "convd/events/event.h"
#include "convd/events/frames.h"
#include "convd/loop/loop.h"

namespace convd::events {

// One thread at a time.
class Ring {
 public:
  using Place = std::uint64_t;
  struct Entry {
    std::int64_t seq = 0;
    shared::Service service = shared::Service::conversion;
    shared::EventClass event_class = shared::EventClass::state;
    bool superseded = false;  // progress that is no longer true: its frame is gone
    std::string subject;
    EventFrame frame;
    std::string packed;           // the frame in compressed form, once somebody has asked for it
    loop::TimePoint appended_at;  // the beginning of the clock for what was loaded
  };
  struct Bounds {
    std::size_t bytes = 0;
    std::size_t events = 0;
  };

  // Nothing with seq <= `complete_after` is in it.
  Ring(Bounds bounds, std::int64_t complete_after) : bounds_(bounds), complete_after_(complete_after) {}

  // With a seq greater than any before.
  void append(Event event, loop::TimePoint now);
  void shrink_to(std::size_t bytes);

  Place begin() const { return first_; }
  Place end() const { return first_ + entries_.size(); }
  const Entry& at(Place place) const { return entries_[place - first_]; }
  // The frame as raw DEFLATE.
  const std::string& packed(Place place, Deflater& deflater);
  // The first place with a greater seq.
  Place after(std::int64_t seq) const;
  // All state events with a greater seq are in the ring.
  std::int64_t complete_after() const { return complete_after_; }
  std::size_t bytes() const { return bytes_; }

 private:
  using Subject = std::pair<shared::Service, std::string>;

  void supersede(const Subject& subject);
  void drop_first();
  static std::size_t size_of(const Entry& entry);

  const Bounds bounds_;
  std::deque<Entry> entries_;
  Place first_ = 0;
  std::int64_t complete_after_;
  std::size_t bytes_ = 0;
  std::map<Subject, Place> newest_progress_;
};

}  // namespace convd::events
