#include "convd/realtime/event_log.h"

#include <utility>

#include "convd/loop/wall_clock.h"

namespace convd::realtime {
namespace {

using shared::Result;

constexpr loop::milliseconds prune_period{60'000};
constexpr int most_pruned_at_once = 2'000;

// Rows of a service that this version does not know belong to a newer one: nobody can ask for them.
std::optional<events::Event> event_from(store::EventRow row) {
  const auto service = shared::service_from(row.service);
  if (!service) return std::nullopt;
  return events::Event{row.seq,
                       row.prev,
                       row.ts_ms,
                       *service,
                       row.event_class,
                       std::move(row.type),
                       std::move(row.subject),
                       std::move(row.data_json)};
}

std::vector<events::Event> events_from(std::vector<store::EventRow> rows) {
  std::vector<events::Event> events;
  events.reserve(rows.size());
  for (store::EventRow& row : rows) {
    if (auto event = event_from(std::move(row))) events.push_back(*std::move(event));
  }
  return events;
}

// What the store says of a damaged event, in the words of the hub.
template <typename Read>
std::vector<events::Event> told(Read read) {
  try {
    return events_from(read());
  } catch (const store::DamagedEvent& error) {
    throw events::DamagedLog(error.what());
  }
}

}  // namespace

EventLog::EventLog(loop::Loop& loop, store::Store& store, jobs::Manager& manager, const Settings& settings)
    : loop_(loop), store_(store), settings_(settings), snapshots_(manager, loop), hub_(loop, *this) {
  store_.on_appended([this](std::vector<store::EventRow> rows) { committed(std::move(rows)); });
  pruning_ = loop_.every(prune_period, [this] { prune(); });
  prune();
}

EventLog::~EventLog() {
  *alive_ = false;
  store_.on_appended(nullptr);
}

void EventLog::committed(std::vector<store::EventRow> rows) {
  for (store::EventRow& row : rows) {
    const std::string org = row.org;
    if (auto event = event_from(std::move(row))) hub_.append(org, *std::move(event));
  }
}

void EventLog::offer(events::Progress progress) {
  Subject subject{progress.org, progress.service, progress.subject};
  const auto [place, is_new] = turns_.try_emplace(subject);
  Turn& turn = place->second;
  if (!is_new) {
    if (turn.waiting) hub_.count_conflated(1);
    turn.waiting = std::move(progress);
    return;
  }
  turn.next = loop_.every(progress_interval, [this, subject = std::move(subject)] { turn_over(subject); });
  send(std::move(progress));
}

void EventLog::turn_over(const Subject& subject) {
  const auto place = turns_.find(subject);
  if (place->second.waiting) return send(*std::exchange(place->second.waiting, std::nullopt));
  // Its timer, in which this runs, ends with it.
  const auto over = turns_.extract(place);
}

void EventLog::drop(const std::string& org, shared::Service service, const std::string& subject) {
  const auto place = turns_.find({org, service, subject});
  if (place == turns_.end() || !place->second.waiting) return;
  place->second.waiting.reset();
  hub_.count_conflated(1);
}

// By way of the store, which gives out the numbers: so the order in which events are told is that of their numbers.
void EventLog::send(events::Progress progress) {
  store::EventRow row;
  row.org = std::move(progress.org);
  row.event_class = shared::EventClass::progress;
  row.ts_ms = loop::wall_ms(loop_);
  row.service = shared::to_string(progress.service);
  row.type = std::move(progress.type);
  row.subject = std::move(progress.subject);
  row.data_json = std::move(progress.data_json);
  const auto write = [row = std::move(row)](store::Transaction& transaction, store::Files&) -> Result<void> {
    transaction.append(row);
    return {};
  };
  store_.submit(write, nullptr);
}

void EventLog::open(const std::string& org, std::function<void(Result<events::LogHead>)> done) {
  const auto head = std::make_shared<store::LogHead>();
  const auto write = [org, head](store::Transaction& transaction, store::Files&) -> Result<void> {
    *head = transaction.open_log(org);
    return {};
  };
  store_.submit(write, [alive = alive_, head, done = std::move(done)](const Result<void>& outcome) {
    if (!*alive) return;
    if (!outcome) return done(outcome.error());
    done(events::LogHead{head->epoch, head->oldest, head->head});
  });
}

std::vector<events::Event> EventLog::read(const std::string& org, std::int64_t after, std::int64_t through, int limit) {
  return told([&] { return store_.events(org, after, through, limit); });
}

std::vector<events::Event> EventLog::newest(const std::string& org, std::int64_t through, int limit) {
  return told([&] { return store_.newest_events(org, through, limit); });
}

std::int64_t EventLog::count(const std::string& org, const events::Topic& topic, std::int64_t after,
                             std::int64_t through) {
  return store_.count_events({org, std::string(shared::to_string(topic.service)), topic.subject, after, through});
}

void EventLog::prune() {
  const std::int64_t before_ms = loop::wall_ms(loop_) - settings_.retention_ms;
  const auto removed = std::make_shared<std::int64_t>(0);
  const auto write = [before_ms, most = settings_.retention_events, removed](store::Transaction& transaction,
                                                                             store::Files&) -> Result<void> {
    *removed = transaction.prune_events(before_ms, most, most_pruned_at_once);
    return {};
  };
  store_.submit(write, [this, alive = alive_, removed](const Result<void>& outcome) {
    if (*alive && outcome && *removed == most_pruned_at_once) prune();
  });
}

}  // namespace convd::realtime
