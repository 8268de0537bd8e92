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
    LogRow row;                                                                    // as stored
    bool in_doubt = true;                                                          // whether it is
    std::int64_t last = 0;                                                         // given out
    std::unordered_map<std::string, std::optional<std::int64_t>> last_of_service;  // state events
  };

  Log& log_of(const std::string& org);
  std::optional<LogRow> stored(const std::string& org);
  LogRow written_anew(const std::string& org, const Log& log);
  void write(const LogRow& row);
  std::optional<std::int64_t> last_of(const std::string& org, const std::string& service, Log& log);
  std::int64_t threshold(const std::string& org, std::int64_t before_ms, std::int64_t most_events);
  void doubt();

  Statement find_;
  Statement write_;
  Statement new_epoch_;
  Statement last_event_;
  Statement last_of_service_;
  Statement insert_;
  Statement orgs_;
  Statement older_;
  Statement beyond_;
  Statement remove_;
  std::unordered_map<std::string, Log> logs_;
  std::vector<EventRow> appended_;
  std::size_t kept_ = 0;
};

}  // namespace convd::store
