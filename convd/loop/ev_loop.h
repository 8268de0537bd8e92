#pragma once
// Loop over libev: the daemon's one event loop. libwebsockets is its guest (native()).

#include <atomic>
#include <memory>
#include <mutex>
#include <vector>

#include "convd/loop/loop.h"

struct ev_loop;

namespace convd::loop {

// Loop thread only, except post(). The thread that calls run() is the loop thread.
class EvLoop final : public Loop {
 public:
  EvLoop();
  ~EvLoop() override;
  EvLoop(const EvLoop&) = delete;
  EvLoop& operator=(const EvLoop&) = delete;

  [[nodiscard]] Watch watch(int fd, Io io, Task ready) override;
  [[nodiscard]] Timer after(milliseconds delay, Task due) override;
  [[nodiscard]] Timer every(milliseconds period, Task due) override;
  void post(Task task) override;
  [[nodiscard]] Signal on_signal(int number, Task arrived) override;
  TimePoint now() const override { return Clock::now(); }
  WallTime wall() const override { return std::chrono::system_clock::now(); }
  void run() override;
  void stop() override;

  struct ev_loop* native() const {
    return loop_;
  }

 private:
  struct Wakeup;
  void run_posted();

  struct ev_loop* loop_;
  std::unique_ptr<Wakeup> wakeup_;
  std::mutex mutex_;
  std::vector<Task> posted_;  // guarded by mutex_
};

}  // namespace convd::loop
