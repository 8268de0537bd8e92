#pragma once
// Keeps a warm LibreOffice at hand: starts one, replaces it before it grows old without a pause, starts again after a
// death, and says when there is none so that documents go the cold way.

#include <functional>
#include <list>
#include <memory>
#include <string>
#include <vector>

#include "convd/loop/loop.h"
#include "convd/runner/office_process.h"

namespace convd::runner {

enum class WarmOffice : unsigned char { always, when_needed, never };

struct OfficeOptions {
  WarmOffice when = WarmOffice::always;
  std::string program;  // convd-office
  int most_documents = 10'000;
  loop::milliseconds most_age{24 * 3600 * 1000};
  std::int64_t most_growth_bytes = std::int64_t{256} << 20;
  loop::milliseconds look_period{60'000};  // how often it is looked whether one is worn
};

// Loop thread only.
class OfficePool {
 public:
  OfficePool(loop::Loop& loop, const Confinement& confinement, OfficeOptions options);
  ~OfficePool();
  OfficePool(const OfficePool&) = delete;
  OfficePool& operator=(const OfficePool&) = delete;

  // Once, when the sandbox has been found to hold. `changed`: is_warm() or state() has.
  void open();
  void on_change(loop::Task changed) { changed_ = std::move(changed); }

  bool is_warm() const;
  std::string state() const;  // one line for people

  // How a document would fare now.
  enum class Answer : unsigned char {
    serves,   // at once
    starts,   // after a start that is under way, or that asking for it has begun
    refuses,  // state() says why
  };
  Answer ask();
  // Calls `decided` once, in a later turn at the earliest when it has to wait: with the process to give the document
  // to, or null when there is none and none to be expected soon.
  using Decided = std::function<void(OfficeProcess*)>;
  using Waiting = std::list<Decided>::iterator;
  Waiting wait(Decided decided);
  void forget(Waiting waiting) { waiting_.erase(waiting); }

  // While ask() says serves.
  OfficeProcess& current() { return *current_; }

 private:
  void start();
  void ready();
  void gone(const OfficeProcess* process, const std::string& reason, bool for_good);
  void look_after();
  bool is_worn() const;
  void decide();
  void say();
  std::unique_ptr<OfficeProcess> take_out(const OfficeProcess* process);

  loop::Loop& loop_;
  const Confinement& confinement_;
  const OfficeOptions options_;
  loop::Task changed_;
  bool open_ = false;
  std::uint64_t last_number_ = 0;
  std::unique_ptr<OfficeProcess> current_;  // ready
  std::unique_ptr<OfficeProcess> next_;     // starting
  std::vector<std::unique_ptr<OfficeProcess>> draining_;
  std::vector<std::unique_ptr<OfficeProcess>> buried_;
  std::list<Decided> waiting_;
  std::int64_t resident_at_first_ = 0;
  std::string fonts_;
  std::string problem_;
  bool refused_for_good_ = false;
  int failures_ = 0;  // in a row
  loop::Timer again_;
  loop::Timer tick_;
  loop::Timer burial_;
  loop::Timer deciding_;
};

}  // namespace convd::runner
