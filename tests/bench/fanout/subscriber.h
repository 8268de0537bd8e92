#pragma once
// One WebSocket that listens, as a client: handshake, an optional first message, and then frames to count.

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "tests/bench/fanout/poller.h"
#include "tests/bench/fanout/wire.h"

namespace fanout {

// How all of a swarm connect.
struct Access {
  Target target;
  std::string path = "/sub";
  std::string hello;  // the first message; empty: there is none, and no ack
  Offer offer = Offer::nothing;
};

// One thread only.
class Subscriber final : public Poller::Watcher {
 public:
  enum class State : std::uint8_t { idle, connecting, upgrading, greeting, live, closed };

  class Observer {
   public:
    // From now on it hears everything. `ack` is empty where nothing was said.
    virtual void on_live(Subscriber& subscriber, std::string_view ack) = 0;
    virtual void on_event(Subscriber& subscriber, const Frame& frame) = 0;
    // `before`: what it was in until now.
    virtual void on_closed(Subscriber& subscriber, State before, const std::string& why) = 0;

   protected:
    ~Observer() = default;
  };

  // `access` and `observer` outlive it; `index` is for the observer.
  Subscriber(Poller& poller, const Access& access, Observer& observer, std::size_t index)
      : poller_(poller), access_(access), observer_(observer), index_(index) {}
  ~Subscriber();
  Subscriber(const Subscriber&) = delete;
  Subscriber& operator=(const Subscriber&) = delete;

  // False: not now, the listener's queue is full. Once it has been closed it can be started again.
  bool start();
  // Instead of the access's.
  void say_first(std::string hello) { hello_ = std::move(hello); }
  // Before start(). From when it is live it never reads again.
  void become_deaf() { deaf_ = true; }
  bool is_deaf() const { return deaf_; }
  void hang_up();

  State state() const { return state_; }
  std::size_t index() const { return index_; }
  std::uint64_t bytes() const { return bytes_; }

 private:
  void on_ready(std::uint32_t events) override;
  void on_connected();
  void receive();
  std::size_t take(std::string_view bytes);
  std::size_t take_answer(std::string_view bytes);
  void take_frame(const Frame& frame);
  void go_live(std::string_view ack);
  void say(std::string_view bytes);
  void closed(const std::string& why);
  const std::string& hello() const { return hello_.empty() ? access_.hello : hello_; }

  Poller& poller_;
  const Access& access_;
  Observer& observer_;
  const std::size_t index_;
  std::string hello_;
  std::string rest_;  // the beginning of a frame whose end has not come
  std::uint64_t bytes_ = 0;
  int fd_ = -1;
  State state_ = State::idle;
  bool deaf_ = false;
};

}  // namespace fanout
