#pragma once
// A Loop whose clock the test owns. Timers fire in advance(), posted tasks in turn(); nothing ever waits. Who wants to
// look between two tasks takes them one by one.

#include <algorithm>
#include <map>
#include <mutex>
#include <optional>
#include <utility>
#include <vector>

#include "convd/loop/loop.h"

namespace tests {

using namespace convd::loop;

// Test thread only, except post().
class FakeLoop final : public Loop {
 public:
  [[nodiscard]] Watch watch(int fd, Io, Task ready) override { return add(watches_, fd, std::move(ready)); }
  [[nodiscard]] Timer after(milliseconds delay, Task due) override {
    return timer(delay, milliseconds(0), std::move(due));
  }
  [[nodiscard]] Timer every(milliseconds period, Task due) override { return timer(period, period, std::move(due)); }
  void post(Task task) override {
    const std::lock_guard lock(mutex_);
    posted_.push_back(std::move(task));
  }
  [[nodiscard]] Signal on_signal(int number, Task arrived) override {
    return add(signals_, number, std::move(arrived));
  }
  TimePoint now() const override { return now_; }
  WallTime wall() const override { return wall_; }
  void run() override {}
  void stop() override { stopped_ = true; }

  // Runs what has been posted, but not what that posts. Returns whether anything ran.
  bool step() {
    std::vector<Task> tasks;
    {
      const std::lock_guard lock(mutex_);
      tasks.swap(posted_);
    }
    for (Task& task : tasks) task();
    return !tasks.empty();
  }
  // The same, until nothing is left.
  bool turn() {
    bool any = false;
    while (step()) any = true;
    return any;
  }
  // Moves both clocks, firing timers in the order in which they are due.
  void advance(milliseconds by) {
    const TimePoint end = now_ + by;
    turn();
    while (true) {
      const auto due = next_due();
      if (!due || *due > end) break;
      fire_next();
      turn();
    }
    move_to(end);
  }

  // One by one.
  std::size_t posted() {
    const std::lock_guard lock(mutex_);
    return posted_.size();
  }
  // Runs the oldest posted task, alone; there is one.
  void run_one() {
    Task task;
    {
      const std::lock_guard lock(mutex_);
      task = std::move(posted_.front());
      posted_.erase(posted_.begin());
    }
    task();
  }
  std::optional<TimePoint> next_due() const {
    const auto next = next_timer();
    if (next == timers_->end()) return std::nullopt;
    return next->second.due;
  }
  // Moves both clocks to the next timer and fires it, alone; there is one.
  void fire_next() {
    const auto next = next_timer();
    move_to(std::max(next->second.due, now_));
    const auto task = next->second.task;
    if (next->second.period.count() > 0)
      next->second.due += next->second.period;
    else
      timers_->erase(next);
    (*task)();
  }
  // Moves both clocks, firing nothing.
  void pass(milliseconds by) { move_to(now_ + by); }
  // Somebody sets the wall clock; the other one knows nothing of it.
  void set_wall_by(milliseconds by) { wall_ += by; }
  // A crash: what has been posted is never run.
  void forget_posted() {
    std::vector<Task> forgotten;
    const std::lock_guard lock(mutex_);
    forgotten.swap(posted_);
  }

  // The clock is set; what is measured by now() goes on as before.
  void set_wall(WallTime wall) { wall_ = wall; }
  void signal(int number) {
    auto copy = *signals_;
    for (auto& [id, entry] : copy)
      if (entry.first == number) (*entry.second)();
  }
  // Something can be read there, or written.
  void ready(int fd) {
    auto copy = *watches_;
    for (auto& [id, entry] : copy)
      if (entry.first == fd) (*entry.second)();
  }
  bool stopped() const { return stopped_; }

 private:
  using SharedTask = std::shared_ptr<Task>;
  struct Due {
    TimePoint due;
    milliseconds period;
    SharedTask task;
  };
  using Timers = std::map<int, Due>;
  using Entries = std::map<int, std::pair<int, SharedTask>>;

  template <typename Map>
  class Entry final : public Handle {
   public:
    Entry(std::shared_ptr<Map> map, int id) : map_(std::move(map)), id_(id) {}
    ~Entry() override { map_->erase(id_); }

   private:
    std::shared_ptr<Map> map_;
    int id_;
  };

  std::unique_ptr<Handle> add(const std::shared_ptr<Entries>& entries, int key, Task task) {
    entries->emplace(++last_id_, std::pair(key, std::make_shared<Task>(std::move(task))));
    return std::make_unique<Entry<Entries>>(entries, last_id_);
  }
  std::unique_ptr<Handle> timer(milliseconds delay, milliseconds period, Task due) {
    timers_->emplace(++last_id_, Due{now_ + delay, period, std::make_shared<Task>(std::move(due))});
    return std::make_unique<Entry<Timers>>(timers_, last_id_);
  }
  Timers::iterator next_timer() const {
    return std::min_element(timers_->begin(), timers_->end(),
                            [](const auto& a, const auto& b) { return a.second.due < b.second.due; });
  }
  void move_to(TimePoint to) {
    wall_ += std::chrono::duration_cast<WallTime::duration>(to - now_);
    now_ = to;
  }

  int last_id_ = 0;
  bool stopped_ = false;
  TimePoint now_{std::chrono::hours(1)};
  WallTime wall_{std::chrono::milliseconds(1'790'000'000'000)};
  std::mutex mutex_;
  std::vector<Task> posted_;
  std::shared_ptr<Entries> watches_ = std::make_shared<Entries>();
  std::shared_ptr<Entries> signals_ = std::make_shared<Entries>();
  std::shared_ptr<Timers> timers_ = std::make_shared<Timers>();
};

}  // namespace tests
