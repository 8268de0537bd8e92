#pragma once
// The logs of all orgs, over the connection that writes: gives out seqs, in the order of the log, and never one twice.
// Numbers are reserved on disk in blocks before they are given out, because progress takes one without leaving a row.
// Store thread only; methods throw SqliteError.

#include <cstdint>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "convd/store/sqlite.h"
#include "convd/store/store.h"

namespace convd::store {

class LogWriter {
 public:
  explicit LogWriter(Database& database);

  LogHead open(const std::string& org);
  std::int64_t append(EventRow row);
  std::int64_t prune(std::int64_t before_ms, std::int64_t most_events, int limit);

  void begin_operation() { kept_ = appended_.size(); }
  void undo_operation();
  void rollback();
  // What has been appended since the last call, to be told once it is committed.
  std::vector<EventRow> take_appended();

 private:
  struct Log {
    std::string epoch;
    std::int64_t last = 0;                                                         // given out
    std::int64_t reserved = 0;                                                     // on disk; 0 when that is in doubt
    std::unordered_map<std::string, std::optional<std::int64_t>> last_of_service;  // state events
  };

  Log& log_of(const std::string& org);
  void reserve(const std::string& org, Log& log);
  std::optional<std::int64_t> last_of(const std::string& org, const std::string& service, Log& log);
  std::int64_t threshold(const std::string& org, std::int64_t before_ms, std::int64_t most_events);
  void doubt();

  Statement create_;
  Statement find_;
  Statement reserve_;
  Statement last_of_service_;
  Statement insert_;
  Statement orgs_;
  Statement older_;
  Statement beyond_;
  Statement raise_floor_;
  Statement remove_;
  std::unordered_map<std::string, Log> logs_;
  std::vector<EventRow> appended_;
  std::size_t kept_ = 0;
};

}  // namespace convd::store
