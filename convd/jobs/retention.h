#pragma once
// What has been stored long enough, or is too much: results by age and by their size in all, documents nobody used, and
// at last the conversions themselves.

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "convd/jobs/job.h"
#include "convd/jobs/manager.h"
#include "convd/loop/loop.h"
#include "convd/store/store.h"

namespace convd::jobs {

// Why a result has gone, as it is stored.
inline constexpr std::string_view why_old = "age";
inline constexpr std::string_view why_too_much = "size";

// A few rows to a transaction and one directory of files at a time, so that neither loop nor store is held. First the
// commit, then the files: no row names what is not there.
//
// The newest result is never too much by itself. When the clock has jumped by more than an hour, nothing is removed for
// one, so that a clock which is set right in between costs nothing. Loop thread only.
class Retention {
 public:
  struct Removed {
    std::int64_t results_by_age = 0;
    std::int64_t results_by_size = 0;
    std::int64_t documents = 0;
    std::int64_t conversions = 0;
  };

  // `settings` outlives this object.
  Retention(loop::Loop& loop, store::Store& store, const Settings& settings);
  ~Retention();
  Retention(const Retention&) = delete;
  Retention& operator=(const Retention&) = delete;

  void start();
  const Removed& removed() const { return removed_; }

 private:
  using Rows = std::vector<store::ConversionRow>;
  using Ids = std::vector<std::string>;

  void arm();
  void look();
  void look_at_results();
  void look_at_documents();
  void look_at_history();
  // Of those who have their results, first ended first: those who lose them, as they are then.
  Rows chosen(Rows rows) const;
  void remove_results(Rows rows);
  void remove_files(Ids ids, void (Retention::*then)());
  bool clock_is_steady();
  bool is_over(std::int64_t since_ms, std::int64_t keep_ms) const;
  std::int64_t wall_ms() const;
  // In a turn of its own; a database that cannot be read ends the round.
  void later(void (Retention::*step)());
  void commit(store::Store::Operation write, std::function<void()> then);

  loop::Loop& loop_;
  store::Store& store_;
  const Settings& settings_;
  bool busy_ = false;
  std::int64_t clock_offset_ms_ = 0;
  loop::TimePoint steady_from_;
  bool by_age_ = true;  // the clock has not jumped
  Removed removed_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
  loop::Timer timer_;
};

// When and why, for one who asks for a result that has gone.
std::string why_gone(const Job& job);

}  // namespace convd::jobs
