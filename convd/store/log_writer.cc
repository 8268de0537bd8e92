#include "convd/store/log_writer.h"

#include <algorithm>
#include <utility>

#include "convd/store/log.h"
#include "convd/store/reader.h"
#include "convd/store/row_sum.h"

namespace convd::store {
namespace {

// A crash costs at most so many numbers.
constexpr std::int64_t block = 4'096;
// Nothing has this number: so the position before all events is another than 0, which says "from now on".
constexpr std::int64_t before_all = 1;

}  // namespace

LogWriter::LogWriter(Database& database)
    : find_(database, log_sql()),
      write_(
          database,
          "INSERT INTO logs (org, epoch, reserved, floor, sum) VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT (org) DO UPDATE"
          " SET epoch = excluded.epoch, reserved = excluded.reserved, floor = excluded.floor, sum = excluded.sum"),
      new_epoch_(database, "SELECT lower(hex(randomblob(16)))"),
      last_event_(database, "SELECT max(seq) FROM events WHERE org = ?1"),
      last_of_service_(database, "SELECT max(seq) FROM events WHERE org = ?1 AND service = ?2"),
      insert_(database,
              "INSERT INTO events (org, seq, prev, ts_ms, service, type, subject, data_json, sum)"
              " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)"),
      orgs_(database, "SELECT org FROM logs"),
      older_(database, "SELECT seq FROM events WHERE org = ?1 AND ts_ms < ?2 ORDER BY ts_ms DESC LIMIT 1"),
      beyond_(database, "SELECT seq FROM events WHERE org = ?1 ORDER BY seq DESC LIMIT 1 OFFSET ?2"),
      // The newest event of each service stays: it is the `prev` of the next one.
      remove_(database,
              "DELETE FROM events WHERE row IN (SELECT e.row FROM events e WHERE e.org = ?1 AND e.seq <= ?2 AND e.seq <"
              " (SELECT max(n.seq) FROM events n WHERE n.org = e.org AND n.service = e.service)"
              " ORDER BY e.seq LIMIT ?3)") {}

LogHead LogWriter::open(const std::string& org) {
  const Log& log = log_of(org);
  return {log.row.epoch, log.row.floor + 1, log.last};
}

std::int64_t LogWriter::append(EventRow row) {
  Log& log = log_of(row.org);
  if (log.last >= log.row.reserved) {
    log.row.reserved = log.last + block;
    write(log.row);
  }
  row.seq = ++log.last;
  row.prev = last_of(row.org, row.service, log);
  if (row.event_class == shared::EventClass::state) {
    insert_.execute(row.org, row.seq, row.prev, row.ts_ms, row.service, row.type, row.subject, row.data_json,
                    sum_of(row));
    log.last_of_service[row.service] = row.seq;
  }
  appended_.push_back(std::move(row));
  return log.last;
}

// Numbers of the block that a former process began are not used up: nobody knows which of them have been seen.
LogWriter::Log& LogWriter::log_of(const std::string& org) {
  Log& log = logs_[org];
  if (!log.in_doubt) return log;
  const auto row = stored(org);
  log.row = row ? *row : written_anew(org, log);
  if (log.last == 0) log.last = std::max(log.row.reserved, before_all);
  log.in_doubt = false;
  return log;
}

std::optional<LogRow> LogWriter::stored(const std::string& org) {
  Rows rows(find_, org);
  if (!rows.next()) return std::nullopt;
  try {
    return read_log(rows);
  } catch (const DamagedRow& error) {
    store::log()->error("the log of {} is written anew: {}", org, error.what());
    return std::nullopt;
  }
}

// From memory, or else as another log, behind the events of the one before: what readers know of that is out of date.
LogRow LogWriter::written_anew(const std::string& org, const Log& log) {
  LogRow row = log.row;
  if (row.epoch.empty()) {
    row.org = org;
    if (Rows rows(new_epoch_); rows.next()) rows.get(0, row.epoch);
    if (Rows rows(last_event_, org); rows.next()) row.reserved = row.floor = rows.number(0);
  }
  // One more, so that the sum is another: a trigger takes the same one for forgotten.
  row.reserved = std::max(row.reserved, log.last) + 1;
  write(row);
  return row;
}

void LogWriter::write(const LogRow& row) {
  write_.execute(row.org, row.epoch, row.reserved, row.floor, sum_of(row));
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
    Log& log = log_of(org);
    if (log.row.floor < last) {
      log.row.floor = last;
      write(log.row);
    }
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
    log.in_doubt = true;
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
