#include "convd/events/ring.h"

#include <algorithm>

namespace convd::events {

std::size_t Ring::size_of(const Entry& entry) {
  return sizeof(Entry) + entry.subject.capacity() + entry.frame.text.capacity() + entry.packed.capacity();
}

void Ring::append(Event event, loop::TimePoint now) {
  const Subject subject{event.service, event.subject};
  supersede(subject);
  Entry entry;
  entry.seq = event.seq;
  entry.service = event.service;
  entry.event_class = event.event_class;
  entry.frame = event_frame(event);
  entry.subject = std::move(event.subject);
  entry.appended_at = now;
  if (entry.event_class == shared::EventClass::progress) newest_progress_[subject] = end();
  bytes_ += size_of(entry);
  entries_.push_back(std::move(entry));
  while (entries_.size() > bounds_.events) drop_first();
  shrink_to(bounds_.bytes);
}

void Ring::supersede(const Subject& subject) {
  const auto found = newest_progress_.find(subject);
  if (found == newest_progress_.end()) return;
  Entry& entry = entries_[found->second - first_];
  bytes_ -= size_of(entry);
  entry.superseded = true;
  entry.frame = {};
  entry.packed = {};
  bytes_ += size_of(entry);
  newest_progress_.erase(found);
}

// The newest one always stays.
void Ring::shrink_to(std::size_t bytes) {
  while (bytes_ > bytes && entries_.size() > 1) drop_first();
}

void Ring::drop_first() {
  const Entry& entry = entries_.front();
  const auto found = newest_progress_.find({entry.service, entry.subject});
  if (found != newest_progress_.end() && found->second == first_) newest_progress_.erase(found);
  complete_after_ = entry.seq;
  bytes_ -= size_of(entry);
  entries_.pop_front();
  ++first_;
}

const std::string& Ring::packed(Place place, Deflater& deflater) {
  Entry& entry = entries_[place - first_];
  if (entry.packed.empty()) {
    bytes_ -= size_of(entry);
    entry.packed = deflater.pack(entry.frame.text);
    entry.packed.shrink_to_fit();
    bytes_ += size_of(entry);
  }
  return entry.packed;
}

Ring::Place Ring::after(std::int64_t seq) const {
  const auto found = std::upper_bound(entries_.begin(), entries_.end(), seq,
                                      [](std::int64_t value, const Entry& entry) { return value < entry.seq; });
  return first_ + static_cast<Place>(found - entries_.begin());
}

}  // namespace convd::events
