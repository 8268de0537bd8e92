#include "convd/store/log_writer.h"

#include <algorithm>
#include <utility>

namespace convd::store {
namespace {

// A crash costs at most so many numbers.
constexpr std::int64_t block = 4'096;
// Nothing has this number: so the position before all events is another than 0, which says "from now on".
constexpr std::int64_t before_all = 1;

}  // namespace

LogWriter::LogWriter(Database& database)
    : create_(database,
              "INSERT INTO logs (org, epoch) VALUES (?1, lower(hex(randomblob(16)))) ON CONFLICT (org) DO NOTHING"),
      find_(database, "SELECT epoch, reserved, floor FROM logs WHERE org = ?1"),
      reserve_(database, "UPDATE logs SET reserved = max(reserved, ?2) WHERE org = ?1"),
      last_of_service_(database, "SELECT max(seq) FROM events WHERE org = ?1 AND service = ?2"),
      insert_(database,
              "INSERT INTO events (org, seq, prev, ts_ms, service, type, subject, data_json) VALUES (?1, ?2, ?3, ?4, "
              "?5, ?6, ?7, ?8)"),
      orgs_(database, "SELECT org FROM logs"),
      older_(database, "SELECT seq FROM events WHERE org = ?1 AND ts_ms < ?2 ORDER BY ts_ms DESC LIMIT 1"),
      beyond_(database, "SELECT seq FROM events WHERE org = ?1 ORDER BY seq DESC LIMIT 1 OFFSET ?2"),
      raise_floor_(database, "UPDATE logs SET floor = ?2 WHERE org = ?1 AND floor < ?2"),
      // The newest event of each service stays: it is the `prev` of the next one.
      remove_(database,
              "DELETE FROM events WHERE row IN (SELECT e.row FROM events e WHERE e.org = ?1 AND e.seq <= ?2 AND e.seq <"
              " (SELECT max(n.seq) FROM events n WHERE n.org = e.org AND n.service = e.service)"
              " ORDER BY e.seq LIMIT ?3)") {}

LogHead LogWriter::open(const std::string& org) {
  const Log& log = log_of(org);
  Rows rows(find_, org);
  rows.next();
  return {log.epoch, rows.number(2) + 1, log.last};
}

std::int64_t LogWriter::append(EventRow row) {
  Log& log = log_of(row.org);
  if (log.last >= log.reserved) reserve(row.org, log);
  row.seq = ++log.last;
  row.prev = last_of(row.org, row.service, log);
  if (row.event_class == shared::EventClass::state) {
    insert_.execute(row.org, row.seq, row.prev, row.ts_ms, row.service, row.type, row.subject, row.data_json);
    log.last_of_service[row.service] = row.seq;
  }
  appended_.push_back(std::move(row));
  return log.last;
}

// Numbers of the block that a former process began are not used up: nobody knows which of them have been seen.
LogWriter::Log& LogWriter::log_of(const std::string& org) {
  const auto found = logs_.find(org);
  if (found != logs_.end()) return found->second;
  create_.execute(org);
  Log log;
  Rows rows(find_, org);
  rows.next();
  rows.get(0, log.epoch);
  log.reserved = rows.number(1);
  log.last = std::max(log.reserved, before_all);
  return logs_.emplace(org, std::move(log)).first->second;
}

void LogWriter::reserve(const std::string& org, Log& log) {
  reserve_.execute(org, log.last + block);
  log.reserved = log.last + block;
}

std::optional<std::int64_t> LogWriter::last_of(const std::string& org, const std::string& service, Log& log) {
  const auto [place, is_new] = log.last_of_service.try_emplace(service);
  if (is_new) {
    Rows rows(last_of_service_, org, service);
    if (rows.next()) rows.get(0, place->second);
  }
  return place->second;
}

// Returns how many events have been removed.
std::int64_t LogWriter::prune(std::int64_t before_ms, std::int64_t most_events, int limit) {
  std::vector<std::string> orgs;
  for (Rows rows(orgs_); rows.next();) rows.get(0, orgs.emplace_back());
  std::int64_t removed = 0;
  for (const std::string& org : orgs) {
    const std::int64_t last = threshold(org, before_ms, most_events);
    if (last == 0 || removed >= limit) continue;
    raise_floor_.execute(org, last);
    removed += remove_.execute(org, last, limit - removed);
  }
  return removed;
}

std::int64_t LogWriter::threshold(const std::string& org, std::int64_t before_ms, std::int64_t most_events) {
  std::int64_t last = 0;
  if (Rows rows(older_, org, before_ms); rows.next()) last = rows.number(0);
  if (Rows rows(beyond_, org, most_events); rows.next()) last = std::max(last, rows.number(0));
  return last;
}

// What was undone may have been a reservation or an event. The numbers stay used.
void LogWriter::doubt() {
  for (auto& [org, log] : logs_) {
    log.reserved = 0;
    log.last_of_service.clear();
  }
}

void LogWriter::undo_operation() {
  appended_.resize(kept_);
  doubt();
}

void LogWriter::rollback() {
  appended_.clear();
  doubt();
}

std::vector<EventRow> LogWriter::take_appended() {
  kept_ = 0;
  return std::exchange(appended_, {});
}

}  // namespace convd::store
