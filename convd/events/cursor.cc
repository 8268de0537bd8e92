// One reader's way through the log: a gap and how things stand, the store, the ring.

#include <algorithm>
#include <stdexcept>
#include <utility>

#include "convd/events/hub_state.h"
#include "convd/events/websocket_frame.h"

namespace convd::events {

Cursor::Cursor(std::shared_ptr<Hub::State> state, OrgLog& log, Filter filter, Start start, Encoding encoding,
               Hub::Waker& waker)
    : state_(std::move(state)),
      log_(log),
      filter_(std::make_shared<const Filter>(std::move(filter))),
      start_(std::move(start)),
      encoding_(encoding),
      waker_(waker) {
  state_->enter(*this);
}

Cursor::~Cursor() {
  state_->leave(*this);
}

void Cursor::begin() {
  const Opened opened = open_at();
  if (phase_ != Phase::failed) waker_.on_opened(opened);
}

Opened Cursor::open_at() {
  Opened opened;
  opened.log = log_.head;
  try {
    opened.log.oldest = state_->source.oldest(log_.org);
    position_ = log_.head.head;
    phase_ = Phase::ring;
    current_ = start_.from == Start::From::now;
    if (start_.from == Start::From::oldest) position_ = opened.log.oldest - 1;
    if (start_.from == Start::From::position) {
      if (!start_.epoch.empty() && start_.epoch != opened.log.epoch) {
        opened.gap = shared::GapReason::epoch;
      } else if (start_.seq > opened.log.head) {
        opened.gap = shared::GapReason::ahead;
      } else if (start_.seq < opened.log.oldest - 1) {
        opened.gap = shared::GapReason::expired;
      } else {
        position_ = start_.seq;
      }
    }
    if (opened.gap) fall_into_gap(*opened.gap);
    if (!opened.gap && position_ < log_.head.head) opened.replaying = to_replay();
    place_ = log_.ring->after(position_);
  } catch (const std::runtime_error& error) {
    fail(error.what());
  }
  return opened;
}

std::int64_t Cursor::to_replay() const {
  std::int64_t events = 0;
  for (const Topic& topic : filter_->topics()) {
    const bool is_covered = !topic.subject.empty() && filter_->matches(topic.service, {});
    if (!is_covered) events += state_->source.count(log_.org, topic, position_, log_.head.head);
  }
  return events;
}

void Cursor::fall_into_gap(shared::GapReason reason) {
  ++state_->counters.gaps[reason];
  gap_ = reason;
  gap_log_ = log_.head;
  gap_log_.oldest = state_->source.oldest(log_.org);
  position_ = log_.head.head;
  place_ = log_.ring->after(position_);
  snapshot_topic_ = 0;
  snapshot_cursor_.clear();
  phase_ = Phase::gap;
}

std::string_view Cursor::take(const Most& most) {
  state_->scratch.clear();
  try {
    while (state_->scratch.empty()) {
      switch (phase_) {
        case Phase::opening:
        case Phase::failed:
          return {};
        case Phase::gap:
          tell_gap();
          break;
        case Phase::snapshot:
          tell_snapshot();
          break;
        case Phase::stored:
          read_stored(most);
          break;
        case Phase::ring:
          if (position_ >= log_.ring->complete_after()) return take_from_ring(most);
          phase_ = Phase::stored;
          break;
      }
    }
  } catch (const std::runtime_error& error) {
    fail(error.what());
  }
  return state_->scratch;
}

void Cursor::tell_gap() {
  state_->encode(state_->scratch, log_, gap_frame(*gap_, gap_log_), gap_log_.head, encoding_, Hub::State::Kind::gap);
  phase_ = Phase::snapshot;
}

void Cursor::tell_snapshot() {
  if (snapshot_topic_ == filter_->topics().size()) {
    phase_ = Phase::ring;
    return;
  }
  auto page = state_->source.snapshot(log_.org, filter_->topics()[snapshot_topic_], snapshot_cursor_);
  snapshot_cursor_ = std::move(page.next);
  if (snapshot_cursor_.empty()) ++snapshot_topic_;
  if (page.events.empty()) return;
  for (Event& event : page.events) {
    event.seq = gap_log_.head;
    event.event_class = shared::EventClass::snapshot;
  }
  state_->encode(state_->scratch, log_, snapshot_frame(page.events, gap_log_.head), gap_log_.head, encoding_,
                 Hub::State::Kind::snapshot);
}

// Nothing when one of them is damaged.
std::optional<std::vector<Event>> Cursor::read_page(std::int64_t through, int most) {
  try {
    return state_->source.read(log_.org, position_, through, most);
  } catch (const DamagedLog&) {
    return std::nullopt;
  }
}

// What the ring does not hold any more. Progress is not stored: what was true then is told by later events.
void Cursor::read_stored(const Most& most) {
  if (position_ < state_->source.oldest(log_.org) - 1) return fall_into_gap(shared::GapReason::lagged);
  const std::int64_t through = log_.ring->complete_after();
  const int page = std::min(state_->limits.page, most.events);
  const auto events = read_page(through, page);
  if (!events) return fall_into_gap(shared::GapReason::damaged);
  for (const Event& event : *events) {
    position_ = event.seq;
    if (!filter_->matches(event)) continue;
    const std::string text = encoding_ == Encoding::json ? event_json(event) : event_frame(event).text;
    state_->encode(state_->scratch, log_, text, event.seq, encoding_);
    ++state_->counters.replayed;
    ++state_->counters.delivered;
  }
  if (events->size() == static_cast<std::size_t>(page)) return;
  position_ = std::max(position_, through);
  place_ = log_.ring->after(position_);
  phase_ = Phase::ring;
}

std::string_view Cursor::take_from_ring(const Most& most) {
  const Ring& ring = *log_.ring;
  while (place_ < ring.end()) {
    const Slice& slice = state_->slice(log_, filter_, encoding_, place_, most);
    state_->delivered(slice, current_);
    place_ = slice.to;
    position_ = std::max(position_, ring.at(place_ - 1).seq);
    if (!slice.bytes.empty()) return slice.bytes;
  }
  current_ = true;
  position_ = std::max(position_, log_.head.head);
  return {};
}

void Cursor::wake() {
  if (phase_ == Phase::opening || phase_ == Phase::failed) return;
  const loop::TimePoint now = state_->loop.now();
  if (interval_.count() > 0 && now - woken_at_ < interval_ && only_progress_waits()) {
    if (later_) return;
    const auto left = std::chrono::ceil<loop::milliseconds>(woken_at_ + interval_ - now);
    later_ = state_->loop.after(left, [this] {
      later_.reset();
      woken_at_ = state_->loop.now();
      waker_.on_events();
    });
    return;
  }
  woken_at_ = now;
  waker_.on_events();
}

bool Cursor::only_progress_waits() const {
  const Ring& ring = *log_.ring;
  if (phase_ != Phase::ring || place_ < ring.begin()) return false;
  for (Ring::Place place = place_; place < ring.end(); ++place) {
    const Ring::Entry& entry = ring.at(place);
    if (entry.event_class == shared::EventClass::state && filter_->matches(entry.service, entry.subject)) return false;
  }
  return true;
}

void Cursor::refuse(const shared::Error& error) {
  phase_ = Phase::failed;
  waker_.on_refused(error);
}

// Told in a later turn: the caller is in the middle of something.
void Cursor::fail(const std::string& why) {
  phase_ = Phase::failed;
  later_ = state_->loop.after(loop::milliseconds(0), [this, why] {
    waker_.on_refused({shared::ErrorCode::unavailable, "the log cannot be read now", why});
  });
}

}  // namespace convd::events
