#pragma once
// The event loop as the rest of the house sees it. EvLoop (libev) is the real one, tests use their own.

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>

namespace convd::loop {

using Task = std::function<void()>;
using Clock = std::chrono::steady_clock;
using TimePoint = Clock::time_point;
using WallTime = std::chrono::system_clock::time_point;
using std::chrono::milliseconds;

// A running watch, timer or signal handler: destroying it stops it, also from within its own callback.
class Handle {
 public:
  virtual ~Handle() = default;
};
using Watch = std::unique_ptr<Handle>;
using Timer = std::unique_ptr<Handle>;
using Signal = std::unique_ptr<Handle>;

enum class Io : std::uint8_t { read, write, read_write };

// Loop thread only, except post().
class Loop {
 public:
  virtual ~Loop() = default;

  // Calls `ready` whenever fd is ready (level-triggered). The caller keeps fd open while the watch lives.
  [[nodiscard]] virtual Watch watch(int fd, Io io, Task ready) = 0;
  // Calls `due` once.
  [[nodiscard]] virtual Timer after(milliseconds delay, Task due) = 0;
  // Calls `due` again and again, one period after the other.
  [[nodiscard]] virtual Timer every(milliseconds period, Task due) = 0;
  // Any thread. Runs `task` on the loop thread, in the order of posting.
  virtual void post(Task task) = 0;
  [[nodiscard]] virtual Signal on_signal(int number, Task arrived) = 0;

  virtual TimePoint now() const = 0;
  virtual WallTime wall() const = 0;

  virtual void run() = 0;
  virtual void stop() = 0;
};

}  // namespace convd::loop
