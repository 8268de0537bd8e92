#include "convd/events/hub.h"

#include <algorithm>
#include <utility>

#include "convd/events/hub_state.h"
#include "convd/events/websocket_frame.h"

namespace convd::events {
namespace {

const std::vector<double> lag_bounds{0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5};

}  // namespace

OrgLog& Hub::State::log_of(const std::string& org) {
  auto& log = logs[org];
  if (!log) log = std::make_unique<OrgLog>();
  log->org = org;
  return *log;
}

void Hub::State::ask(const std::string& org) {
  source.open(org, [weak = weak_from_this(), org](shared::Result<LogHead> head) {
    if (const auto self = weak.lock()) self->opened(org, std::move(head));
  });
}

void Hub::State::opened(const std::string& org, shared::Result<LogHead> head) {
  const auto found = logs.find(org);
  if (found == logs.end()) return;
  OrgLog& log = *found->second;
  log.asked = false;
  std::optional<shared::Error> error;
  if (!head) error = head.error();
  try {
    if (head) {
      const auto stored = source.newest(org, head->head, limits.preload);
      const bool is_all = stored.size() < static_cast<std::size_t>(limits.preload);
      const std::int64_t before = is_all ? source.oldest(org) - 1 : stored.front().seq - 1;
      log.ring = std::make_unique<Ring>(Ring::Bounds{limits.ring_bytes, limits.ring_events}, before);
      for (const Event& event : stored) log.ring->append(event, {});
      log.head = *head;
      log.open = true;
    }
  } catch (const std::runtime_error& failure) {
    error = {shared::ErrorCode::unavailable, "the log cannot be read now", failure.what()};
  }
  if (!error) return begin_waiting(org);
  // Whoever comes next tries again.
  const auto refused = std::exchange(log.opening, {});
  for (Cursor* cursor : refused) {
    if (cursor != nullptr) cursor->refuse(*error);
  }
  if (log.readers == 0) logs.erase(org);
}

// A reader may leave, and take others along, while it is told.
void Hub::State::begin_waiting(const std::string& org) {
  const auto found = logs.find(org);
  if (found == logs.end() || !found->second->open) return;
  OrgLog& log = *found->second;
  for (std::size_t i = 0; i < log.opening.size(); ++i) {
    if (Cursor* cursor = std::exchange(log.opening[i], nullptr)) cursor->begin();
  }
  log.opening.clear();
}

void Hub::State::append(const std::string& org, Event event) {
  const auto found = logs.find(org);
  if (found == logs.end() || !found->second->open || event.seq <= found->second->head.head) return;
  OrgLog& log = *found->second;
  log.head.head = event.seq;
  announce(log, {event.service, {}});
  announce(log, {event.service, event.subject});
  log.ring->append(std::move(event), loop.now());
  keep_within_bounds();
}

void Hub::State::enter(Cursor& cursor) {
  OrgLog& log = cursor.log();
  log.linger.reset();
  ++log.readers;
  ++counters.readers;
  for (const Topic& topic : cursor.filter().topics()) {
    Audience& audience = log.audiences[topic];
    audience.readers.push_back(&cursor);
    ++audience.present;
  }
  log.opening.push_back(&cursor);
  if (!log.open) {
    if (!std::exchange(log.asked, true)) ask(log.org);
    return;
  }
  if (log.opening.size() > 1) return;
  loop.post([weak = weak_from_this(), org = log.org] {
    if (const auto self = weak.lock()) self->begin_waiting(org);
  });
}

void Hub::State::leave(Cursor& cursor) {
  OrgLog& log = cursor.log();
  --log.readers;
  --counters.readers;
  std::replace(log.opening.begin(), log.opening.end(), &cursor, static_cast<Cursor*>(nullptr));
  for (const Topic& topic : cursor.filter().topics()) {
    const auto found = log.audiences.find(topic);
    Audience& audience = found->second;
    std::replace(audience.readers.begin(), audience.readers.end(), &cursor, static_cast<Cursor*>(nullptr));
    --audience.present;
    if (audience.waiting) continue;
    if (audience.present == 0) {
      log.audiences.erase(found);
    } else if (audience.readers.size() > 2 * audience.present) {
      std::erase(audience.readers, nullptr);
    }
  }
  if (log.readers > 0) return;
  log.linger = loop.after(limits.linger, [weak = weak_from_this(), org = log.org] {
    if (const auto self = weak.lock()) self->logs.erase(org);
  });
}

void Hub::State::announce(OrgLog& log, const Topic& topic) {
  const auto found = log.audiences.find(topic);
  if (found == log.audiences.end()) return;
  Audience& audience = found->second;
  if (audience.waiting) {
    audience.again = audience.next > 0;
    return;
  }
  audience.waiting = true;
  to_wake.emplace_back(log.org, topic);
  if (!std::exchange(sweeping, true)) sweep_later();
}

void Hub::State::sweep_later() {
  loop.post([weak = weak_from_this()] {
    if (const auto self = weak.lock()) self->sweep();
  });
}

// A bounded number in one turn, so that thousands of readers do not keep the loop from its other work.
void Hub::State::sweep() {
  int left = limits.readers_per_turn;
  while (left > 0 && !to_wake.empty()) {
    const auto [org, topic] = to_wake.front();
    const auto log = logs.find(org);
    if (log == logs.end()) {
      to_wake.pop_front();
    } else {
      left -= wake_some(*log->second, topic, left);
    }
  }
  sweeping = !to_wake.empty();
  if (sweeping) sweep_later();
}

// Takes the topic out of the queue once all have been woken. Returns how many were woken now.
int Hub::State::wake_some(OrgLog& log, const Topic& topic, int most) {
  Audience& audience = log.audiences[topic];
  int woken = 0;
  while (woken < most && audience.next < audience.readers.size()) {
    Cursor* cursor = audience.readers[audience.next++];
    if (cursor == nullptr) continue;
    ++woken;
    cursor->wake();
  }
  if (audience.next < audience.readers.size()) return woken;
  to_wake.pop_front();
  audience.next = 0;
  audience.waiting = std::exchange(audience.again, false);
  if (audience.waiting) {
    to_wake.emplace_back(log.org, topic);
  } else if (audience.present == 0) {
    log.audiences.erase(topic);
  } else {
    std::erase(audience.readers, nullptr);
  }
  return woken;
}

std::size_t Hub::State::ring_bytes() const {
  std::size_t bytes = 0;
  for (const auto& [org, log] : logs) bytes += log->ring ? log->ring->bytes() : 0;
  return bytes;
}

// Rings without readers go first, then the largest gives half of what it has.
void Hub::State::keep_within_bounds() {
  if (logs.size() * limits.ring_bytes <= limits.all_bytes) return;
  while (ring_bytes() > limits.all_bytes) {
    const auto is_idle = [](const auto& entry) { return entry.second->readers == 0; };
    const auto idle = std::find_if(logs.begin(), logs.end(), is_idle);
    if (idle != logs.end()) {
      logs.erase(idle);
      continue;
    }
    const auto size_of = [](const auto& entry) { return entry.second->ring ? entry.second->ring->bytes() : 0; };
    const auto largest = std::max_element(logs.begin(), logs.end(),
                                          [&](const auto& a, const auto& b) { return size_of(a) < size_of(b); });
    Ring& ring = *largest->second->ring;
    const std::size_t before = ring.bytes();
    ring.shrink_to(before / 2);
    if (ring.bytes() == before) return;
  }
}

// Thousands of readers stand at the same place: what one is given is made once.
const Slice& Hub::State::slice(OrgLog& log, const std::shared_ptr<const Filter>& filter, Encoding encoding,
                               Ring::Place from, const Hub::Reader::Most& most) {
  Ring& ring = *log.ring;
  for (const Slice& made : log.slices) {
    if (made.filter != nullptr && made.from == from && made.until == ring.end() && made.encoding == encoding &&
        made.most == most && *made.filter == *filter)
      return made;
  }
  Slice& fresh = log.slices[log.next_slice++ % log.slices.size()];
  std::string bytes = std::exchange(fresh.bytes, {});
  bytes.clear();
  fresh = {filter, encoding, most, from, ring.end(), from, std::move(bytes), 0, 0, 0, {}};
  for (; fresh.to < ring.end(); ++fresh.to) {
    const Ring::Entry& entry = ring.at(fresh.to);
    if (!filter->matches(entry.service, entry.subject)) continue;
    if (entry.superseded) {
      ++fresh.skipped;
      continue;
    }
    const bool is_full = fresh.bytes.size() + entry.frame.text.size() > most.bytes || fresh.events >= most.events;
    if (fresh.events > 0 && is_full) break;
    if (fresh.events++ == 0) fresh.appended_at = entry.appended_at;
    if (encoding == Encoding::json) {
      fresh.bytes.append(entry.frame.text, entry.frame.event_at, entry.frame.event_size) += ',';
    } else if (encoding == Encoding::websocket_deflate && entry.frame.text.size() >= limits.compress_bytes) {
      append_frame(fresh.bytes, ring.packed(fresh.to, deflater), FrameType::binary);
      ++fresh.compressed;
    } else {
      encode(fresh.bytes, log, entry.frame.text, entry.seq, encoding);
    }
  }
  return fresh;
}

void Hub::State::encode(std::string& out, const OrgLog& log, const std::string& frame, std::int64_t seq,
                        Encoding encoding, Kind kind) {
  switch (encoding) {
    case Encoding::websocket:
      return append_frame(out, frame);
    case Encoding::websocket_deflate:
      if (frame.size() < limits.compress_bytes) return append_frame(out, frame);
      ++counters.compressed;
      return append_frame(out, deflater.pack(frame), FrameType::binary);
    case Encoding::sse:
      if (kind == Kind::event) out += "id: " + shared::to_text(shared::Position{log.head.epoch, seq}) + "\n";
      if (kind == Kind::gap) out += "event: gap\n";
      out += "data: " + frame + "\n\n";
      return;
    case Encoding::json:
      out += frame + ",";
      return;
  }
}

void Hub::State::delivered(const Slice& slice, bool was_current) {
  counters.delivered += slice.events;
  counters.compressed += slice.compressed;
  counters.conflated += slice.skipped;
  if (slice.events == 0) return;
  if (!was_current) counters.replayed += slice.events;
  if (!was_current || slice.appended_at == loop::TimePoint{}) return;
  const double lag_s = std::chrono::duration<double>(loop.now() - slice.appended_at).count();
  const auto bucket = std::lower_bound(lag_bounds.begin(), lag_bounds.end(), lag_s) - lag_bounds.begin();
  counters.lag_counts[static_cast<std::size_t>(bucket)] += slice.events;
  counters.lag_sum_s += lag_s * static_cast<double>(slice.events);
}

Hub::Hub(loop::Loop& loop, LogSource& source, HubLimits limits)
    : state_(std::make_shared<State>(loop, source, limits)) {
  state_->counters.lag_counts.resize(lag_bounds.size() + 1);
}

Hub::~Hub() = default;

void Hub::append(const std::string& org, Event event) {
  state_->append(org, std::move(event));
}

std::unique_ptr<Hub::Reader> Hub::attach(const std::string& org, Filter filter, Start start, Encoding encoding,
                                         Waker& waker) {
  return std::make_unique<Cursor>(state_, state_->log_of(org), std::move(filter), std::move(start), encoding, waker);
}

bool Hub::is_heard(const std::string& org, shared::Service service) const {
  const auto found = state_->logs.find(org);
  if (found == state_->logs.end()) return false;
  const auto& audiences = found->second->audiences;
  const auto first = audiences.lower_bound(Topic{service, {}});
  return first != audiences.end() && first->first.service == service;
}

std::vector<std::string> Hub::listening_orgs(shared::Service service) const {
  std::vector<std::string> orgs;
  for (const auto& [org, log] : state_->logs) {
    if (is_heard(org, service)) orgs.push_back(org);
  }
  return orgs;
}

void Hub::count_conflated(std::int64_t events) {
  state_->counters.conflated += events;
}

HubStats Hub::stats() const {
  HubStats stats = state_->counters;
  for (const auto& [org, log] : state_->logs) {
    if (log->readers == 0) continue;
    ++stats.orgs;
    stats.subscriptions += log->audiences.size();
  }
  stats.ring_bytes = state_->ring_bytes();
  return stats;
}

const std::vector<double>& Hub::lag_bounds_s() {
  return lag_bounds;
}

}  // namespace convd::events
