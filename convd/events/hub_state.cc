// The logs that are open, and the waking of those who read them.

#include "convd/events/hub_state.h"

#include <algorithm>
#include <stdexcept>
#include <utility>

namespace convd::events {

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
      log.ring = preloaded(org, head->head);
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

// The newest events; none when one of them is damaged, for whose sake readers go to the store and are told of the gap.
std::unique_ptr<Ring> Hub::State::preloaded(const std::string& org, std::int64_t head) {
  std::vector<Event> stored;
  std::int64_t before = head;
  try {
    stored = source.newest(org, head, limits.preload);
    const bool is_all = stored.size() < static_cast<std::size_t>(limits.preload);
    before = is_all ? source.oldest(org) - 1 : stored.front().seq - 1;
  } catch (const DamagedLog&) {
  }
  auto ring = std::make_unique<Ring>(Ring::Bounds{limits.ring_bytes, limits.ring_events}, before);
  for (const Event& event : stored) ring->append(event, {});
  return ring;
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
    ++log.newcomers[static_cast<std::size_t>(topic.service)];
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

}  // namespace convd::events
