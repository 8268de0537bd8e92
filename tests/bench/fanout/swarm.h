#pragma once
// Many subscribers that connect a bounded number at a time.

#include <cstddef>
#include <functional>
#include <memory>
#include <vector>

#include "tests/bench/fanout/subscriber.h"

namespace fanout {

// Stands between its subscribers and the observer, to see who has arrived. One thread only.
class Swarm final : private Subscriber::Observer {
 public:
  // `access` outlives it.
  Swarm(Poller& poller, const Access& access, Subscriber::Observer& observer, std::size_t count);

  // The last `count` will never read what they are sent.
  void make_deaf(std::size_t count);
  // Goes on connecting, at most `parallel` at a time; to be called every round until all are live.
  void connect_some(std::size_t parallel);
  bool all_live() const { return live_ == subscribers_.size(); }
  std::size_t hearing() const { return hearing_; }
  // All of them may connect again. Before this they are hung up.
  void rewind();
  std::uint64_t bytes() const;
  std::vector<std::unique_ptr<Subscriber>>& members() { return subscribers_; }

 private:
  void on_live(Subscriber& subscriber, std::string_view ack) override;
  void on_event(Subscriber& subscriber, const Frame& frame) override { observer_.on_event(subscriber, frame); }
  void on_closed(Subscriber& subscriber, Subscriber::State before, const std::string& why) override;

  Subscriber::Observer& observer_;
  std::vector<std::unique_ptr<Subscriber>> subscribers_;
  std::size_t begun_ = 0;
  std::size_t on_the_way_ = 0;
  std::size_t live_ = 0;
  std::size_t hearing_;
};

}  // namespace fanout
