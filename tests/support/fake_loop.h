#pragma once
// A Loop whose clock the test owns. Timers fire in advance(), posted tasks in turn(); nothing ever waits.

#include <algorithm>
#include <map>
#include <mutex>
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

  // Runs what has been posted, and what that posts, until nothing is left. Returns whether anything ran.
  bool turn() {
    bool any = false;
    for (;;) {
      std::vector<Task> tasks;
      {
        const std::lock_guard lock(mutex_);
        tasks.swap(posted_);
      }
      if (tasks.empty()) return any;
      any = true;
      for (Task& task : tasks) task();
    }
  }
  // Moves both clocks, firing timers in the order in which they are due.
  void advance(milliseconds by) {
    const TimePoint end = now_ + by;
    turn();
    while (true) {
      auto next = std::min_element(timers_->begin(), timers_->end(),
                                   [](const auto& a, const auto& b) { return a.second.due < b.second.due; });
      if (next == timers_->end() || next->second.due > end) break;
      move_to(std::max(next->second.due, now_));
      const auto task = next->second.task;
      if (next->second.period.count() > 0)
        next->second.due += next->second.period;
      else
        timers_->erase(next);
      (*task)();
      turn();
    }
    move_to(end);
  }
  void signal(int number) {
    auto copy = *signals_;
    for (auto& [id, entry] : copy)
      if (entry.first == number) (*entry.second)();
  }
  bool stopped() const { return stopped_; }

 private:
  using SharedTask = std::shared_ptr<Task>;
  struct Due {
    TimePoint due;
    milliseconds period;
    SharedTask task;
  };
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
    return std::make_unique<Entry<std::map<int, Due>>>(timers_, last_id_);
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
  std::shared_ptr<std::map<int, Due>> timers_ = std::make_shared<std::map<int, Due>>();
};

}  // namespace tests
