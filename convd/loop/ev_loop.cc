#include "convd/loop/ev_loop.h"

#include <ev.h>

#include <stdexcept>
#include <utility>

namespace convd::loop {
namespace {

// A task that may destroy its own handle while it runs is called through a copy of the shared pointer that holds it.
using SharedTask = std::shared_ptr<Task>;

void call(const SharedTask& task) {
  const SharedTask keep = task;
  (*keep)();
}

class IoHandle final : public Handle {
 public:
  IoHandle(struct ev_loop* loop, int fd, int events, Task ready)
      : loop_(loop), task_(std::make_shared<Task>(std::move(ready))) {
    ev_io_init(
        &watcher_, [](struct ev_loop*, ev_io* w, int) { call(static_cast<IoHandle*>(w->data)->task_); }, fd, events);
    watcher_.data = this;
    ev_io_start(loop_, &watcher_);
  }
  ~IoHandle() override { ev_io_stop(loop_, &watcher_); }

 private:
  struct ev_loop* loop_;
  SharedTask task_;
  ev_io watcher_{};
};

class TimerHandle final : public Handle {
 public:
  TimerHandle(struct ev_loop* loop, milliseconds delay, milliseconds period, Task due)
      : loop_(loop), task_(std::make_shared<Task>(std::move(due))) {
    const auto seconds = [](milliseconds ms) { return static_cast<double>(ms.count()) / 1000.0; };
    ev_timer_init(
        &watcher_, [](struct ev_loop*, ev_timer* w, int) { call(static_cast<TimerHandle*>(w->data)->task_); },
        seconds(delay), seconds(period));
    watcher_.data = this;
    // libev counts from the start of this loop turn; without the update a timer set after long work fires early.
    ev_now_update(loop_);
    ev_timer_start(loop_, &watcher_);
  }
  ~TimerHandle() override { ev_timer_stop(loop_, &watcher_); }

 private:
  struct ev_loop* loop_;
  SharedTask task_;
  ev_timer watcher_{};
};

class SignalHandle final : public Handle {
 public:
  SignalHandle(struct ev_loop* loop, int number, Task arrived)
      : loop_(loop), task_(std::make_shared<Task>(std::move(arrived))) {
    ev_signal_init(
        &watcher_, [](struct ev_loop*, ev_signal* w, int) { call(static_cast<SignalHandle*>(w->data)->task_); },
        number);
    watcher_.data = this;
    ev_signal_start(loop_, &watcher_);
  }
  ~SignalHandle() override { ev_signal_stop(loop_, &watcher_); }

 private:
  struct ev_loop* loop_;
  SharedTask task_;
  ev_signal watcher_{};
};

}  // namespace

struct EvLoop::Wakeup {
  ev_async async{};
};

EvLoop::EvLoop() : loop_(ev_loop_new(EVFLAG_AUTO)), wakeup_(std::make_unique<Wakeup>()) {
  if (loop_ == nullptr) throw std::runtime_error("libev: no event loop can be made");
  ev_async_init(&wakeup_->async,
                [](struct ev_loop*, ev_async* w, int) { static_cast<EvLoop*>(w->data)->run_posted(); });
  wakeup_->async.data = this;
  ev_async_start(loop_, &wakeup_->async);
}

EvLoop::~EvLoop() {
  ev_async_stop(loop_, &wakeup_->async);
  ev_loop_destroy(loop_);
}

Watch EvLoop::watch(int fd, Io io, Task ready) {
  const int events = io == Io::read ? EV_READ : io == Io::write ? EV_WRITE : EV_READ | EV_WRITE;
  return std::make_unique<IoHandle>(loop_, fd, events, std::move(ready));
}

Timer EvLoop::after(milliseconds delay, Task due) {
  return std::make_unique<TimerHandle>(loop_, delay, milliseconds(0), std::move(due));
}

Timer EvLoop::every(milliseconds period, Task due) {
  return std::make_unique<TimerHandle>(loop_, period, period, std::move(due));
}

void EvLoop::post(Task task) {
  {
    const std::lock_guard lock(mutex_);
    posted_.push_back(std::move(task));
  }
  ev_async_send(loop_, &wakeup_->async);
}

Signal EvLoop::on_signal(int number, Task arrived) {
  return std::make_unique<SignalHandle>(loop_, number, std::move(arrived));
}

void EvLoop::run() {
  ev_run(loop_, 0);
}

void EvLoop::stop() {
  ev_break(loop_, EVBREAK_ALL);
}

void EvLoop::run_posted() {
  std::vector<Task> tasks;
  {
    const std::lock_guard lock(mutex_);
    tasks.swap(posted_);
  }
  for (Task& task : tasks) task();
}

}  // namespace convd::loop
