#pragma once
// The event loop of convctl: a libwebsockets context of its own in which descriptors, timers, signals and WebSockets
// are served. An exception out of a callback ends run_until(), which throws it again. Main thread only.

#include <chrono>
#include <deque>
#include <exception>
#include <functional>
#include <memory>
#include <set>

#include "convctl/client_tls.h"
#include "convctl/file_descriptor.h"

struct lws_context;

namespace convctl {

class ClientLoop {
 public:
  using Task = std::function<void()>;
  class Watch;
  class Timer;
  struct WatchDeleter {
    void operator()(Watch* watch) const;
  };
  struct TimerDeleter {
    void operator()(Timer* timer) const;
  };
  using WatchHandle = std::unique_ptr<Watch, WatchDeleter>;
  using TimerHandle = std::unique_ptr<Timer, TimerDeleter>;

  // SIGINT and SIGTERM are blocked while this lives; they arrive at on_signal(). What is connected here speaks `tls`,
  // which must outlive the loop, when there is one. Throws Failure (internal).
  explicit ClientLoop(const Tls* tls = nullptr);
  ~ClientLoop();
  ClientLoop(const ClientLoop&) = delete;
  ClientLoop& operator=(const ClientLoop&) = delete;

  // `ready` runs whenever `fd` (non-blocking) can be read, or after want_write(), can be written; it must read until
  // EAGAIN, for a hang-up is told only once. The descriptor stays the caller's.
  [[nodiscard]] WatchHandle watch(int fd, Task ready);
  void want_write(Watch& watch);
  [[nodiscard]] TimerHandle after(std::chrono::milliseconds delay, Task due);
  // Runs at the next turn.
  void post(Task task);
  // Without a handler a signal throws Failure (interrupted, terminated) out of run_until().
  void on_signal(std::function<void(int number)> handler) { on_signal_ = std::move(handler); }
  void run_until(const std::function<bool()>& over);

  // Readable when a signal waits: for those who must block on another descriptor meanwhile.
  int signal_fd() const { return signal_fd_.get(); }
  // Runs `task`; keeps what it throws for run_until(). For the callbacks of C code.
  void guard(const Task& task) noexcept;
  // The condition of run_until() is asked again soon.
  void wake();
  lws_context* native() const { return context_; }
  const Tls* tls() const { return tls_; }

 private:
  void take_signal();
  void turn();

  const Tls* tls_;
  FileDescriptor signal_fd_;
  lws_context* context_ = nullptr;
  std::deque<Task> posted_;
  std::set<Watch*> to_write_;
  std::function<void(int)> on_signal_;
  std::exception_ptr thrown_;
  WatchHandle signal_watch_;
};

}  // namespace convctl
