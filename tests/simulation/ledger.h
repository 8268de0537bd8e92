#pragma once
// What people were told and what is durable, kept outside of the daemon: whatever the daemon forgets, here it stands.
// Says which promise was broken first.

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "convd/events/board.h"
#include "convd/jobs/manager.h"
#include "shared/protocol.h"
#include "tests/simulation/store.h"

namespace simulation {

struct Breach {
  std::string promise;
  std::string detail;
};

class Ledger final : public convd::events::Board::Observer {
 public:
  Ledger(const tests::FakeLoop& loop, Store& store) : loop_(loop), store_(store) {}

  // For the trace.
  void tell(std::function<void(const std::string&)> listener) { told_ = std::move(listener); }

  void check(bool holds, std::string_view promise, std::string_view detail);
  const std::optional<Breach>& breach() const { return breach_; }

  // What clients did and were told.
  void will_hold(const std::string& content);
  void accepted(const std::string& org, const shared::StatusObject& object);
  void cancel_asked(const std::string& id) { records_[id].cancel_asked = records_[id].may_be_killed = true; }
  void cancelled(const std::string& id);
  void remove_asked(const std::string& id) { records_[id].remove_asked = records_[id].may_be_killed = true; }
  void removed(const std::string& id);
  void read(const shared::StatusObject& object, const convd::jobs::Capacity& capacity);

  // What the runner did for a conversion.
  void limits(const convd::jobs::Settings& settings) { settings_ = settings; }
  void run_started(const std::string& id, const std::string& from, const std::string& input);
  void sign_of_life(const std::string& id) { records_[id].last_sign = loop_.now(); }
  void run_failed(const std::string& id);
  void run_killed(const std::string& id);
  void run_ended(const std::string& id, std::string_view how);

  // What happened to the daemon.
  void clock_was_set() { keys_expire_ = true; }
  void disk_failed(int times) { disk_failures_ = times; }
  // From then on a drain kills what runs.
  void draining_until(convd::loop::TimePoint end) { draining_until_ = end; }
  void died();

  // After every step of the store's threads.
  void committed();
  // Whether every conversion has ended; `why` names one that has not.
  bool all_ended(std::string* why) const;
  // When nothing happens any more.
  void at_rest();
  enum class Swept : std::uint8_t { no, yes };  // whether a start has removed what nobody names
  void no_files_left(const std::string& root, Swept swept);

  const std::string& content_of(const std::string& sha256) { return contents_[sha256]; }
  std::string org_of(const std::string& id) const;

  void published(const std::string& topic, const convd::events::Latest& latest,
                 convd::events::Urgency urgency) override;
  void superseded(const std::string&, const std::string&) override {}
  bool wants_progress(const std::string& org) const override { return org != "uid:2"; }

 private:
  struct Record {
    std::string org;
    bool answered = false;
    bool cancel_asked = false;
    bool may_be_killed = false;  // the daemon that lives was asked to
    bool remove_asked = false;
    bool removed = false;
    // As committed.
    bool stored = false;
    std::string status;
    std::int64_t rev = 0;
    int attempt = 0;
    int failures = 0;
    int ends = 0;  // events that tell of one
    std::int64_t event_rev = 0;
    std::string event;
    // As seen by anybody.
    std::int64_t board_rev = 0;
    std::int64_t seen_rev = 0;
    int ends_told = 0;
    bool seen_terminal = false;
    // Of its runs.
    bool runs = false;
    int started_attempt = 0;
    convd::loop::TimePoint started;
    convd::loop::TimePoint last_sign;
  };

  void say(const std::string& what) const {
    if (told_) told_(what);
  }
  bool is_late(const Record& record, const convd::store::ConversionRow& row) const;
  void row_changed(Record& record, const convd::store::ConversionRow& row);
  void check_result(const convd::store::ConversionRow& row);
  void check_file(const convd::store::ConversionRow& row, const shared::ResultFile& file, const std::string* expected);
  void check_blobs();
  void check_keys();
  static std::string work_of(const convd::store::ConversionRow& row);
  void appended(const convd::store::EventRow& event);

  const tests::FakeLoop& loop_;
  Store& store_;
  convd::jobs::Settings settings_;
  std::map<std::string, Record> records_;
  std::map<std::string, std::string> contents_;  // by sha256
  std::map<std::string, int> failed_runs_;       // by work
  std::map<std::string, int> worst_;             // by work: the most failures of one conversion, as committed
  int disk_failures_ = 0;
  bool keys_expire_ = false;
  std::optional<convd::loop::TimePoint> draining_until_;
  std::optional<Breach> breach_;
  std::function<void(const std::string&)> told_;
};

}  // namespace simulation
