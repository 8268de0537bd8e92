#include "tests/bench/fanout/swarm.h"

namespace fanout {

Swarm::Swarm(Poller& poller, const Access& access, Subscriber::Observer& observer, std::size_t count)
    : observer_(observer), hearing_(count) {
  subscribers_.reserve(count);
  while (subscribers_.size() < count)
    subscribers_.push_back(
        std::make_unique<Subscriber>(poller, access, static_cast<Subscriber::Observer&>(*this), subscribers_.size()));
}

void Swarm::make_deaf(std::size_t count) {
  hearing_ = subscribers_.size() - count;
  for (std::size_t i = hearing_; i < subscribers_.size(); ++i) subscribers_[i]->become_deaf();
}

void Swarm::connect_some(std::size_t parallel) {
  while (begun_ < subscribers_.size() && on_the_way_ < parallel && subscribers_[begun_]->start()) {
    ++begun_;
    ++on_the_way_;
  }
}

void Swarm::rewind() {
  for (const auto& subscriber : subscribers_) subscriber->hang_up();
  begun_ = on_the_way_ = live_ = 0;
}

std::uint64_t Swarm::bytes() const {
  std::uint64_t sum = 0;
  for (const auto& subscriber : subscribers_) sum += subscriber->bytes();
  return sum;
}

void Swarm::on_live(Subscriber& subscriber, std::string_view ack) {
  --on_the_way_;
  ++live_;
  observer_.on_live(subscriber, ack);
}

void Swarm::on_closed(Subscriber& subscriber, Subscriber::State before, const std::string& why) {
  --(before == Subscriber::State::live ? live_ : on_the_way_);
  observer_.on_closed(subscriber, before, why);
}

}  // namespace fanout
