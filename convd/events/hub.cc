#include "convd/events/hub.h"

#include <map>
#include <optional>
#include <utility>

namespace convd::events {
namespace {

struct Watcher {
  Hub::Changed changed;
  bool gone = false;                 // its subscription has ended, perhaps during the delivery under way
  std::optional<std::int64_t> told;  // a callback may publish: the older value must not arrive after the newer one
};

}  // namespace

struct Hub::Topic {
  std::map<std::uint64_t, std::shared_ptr<Watcher>> watchers;  // by number, in the order of subscription
  std::optional<std::int64_t> rev;                             // last published
  std::optional<loop::TimePoint> told_at;
  std::optional<Latest> pending;  // progress that waits for its turn
  loop::Timer turn;
};

struct Hub::State : std::enable_shared_from_this<State> {
  explicit State(loop::Loop& l) : loop(l) {}

  void publish(const std::string& name, Latest latest, Urgency urgency);
  void merge(const std::string& name, Topic& topic, Latest latest);
  void turn_came(const std::string& name);
  void finish(const std::string& name, const Latest& latest);
  void tell(const Topic& topic, const Latest& latest);
  void unsubscribe(const std::string& name, std::uint64_t number);

  loop::Loop& loop;
  std::unordered_map<std::string, Topic> topics;
  std::uint64_t last_number = 0;
  std::size_t watchers = 0;
  std::int64_t delivered = 0;
};

namespace {

class OwnSubscription final : public Hub::Subscription {
 public:
  OwnSubscription(std::shared_ptr<Watcher> watcher, std::function<void()> end)
      : watcher_(std::move(watcher)), end_(std::move(end)) {}
  ~OwnSubscription() override {
    watcher_->gone = true;
    end_();
  }

 private:
  std::shared_ptr<Watcher> watcher_;
  std::function<void()> end_;
};

}  // namespace

void Hub::State::publish(const std::string& name, Latest latest, Urgency urgency) {
  Topic& topic = topics[name];
  if (topic.rev && latest.rev <= *topic.rev) return;
  topic.rev = latest.rev;
  if (latest.terminal) return finish(name, latest);
  if (urgency == Urgency::progress) return merge(name, topic, std::move(latest));
  topic.pending.reset();
  topic.turn.reset();
  topic.told_at = loop.now();
  tell(topic, latest);
}

void Hub::State::merge(const std::string& name, Topic& topic, Latest latest) {
  if (topic.watchers.empty()) return;
  const auto now = loop.now();
  if (!topic.told_at || now - *topic.told_at >= progress_interval) {
    topic.pending.reset();
    topic.turn.reset();
    topic.told_at = now;
    return tell(topic, latest);
  }
  topic.pending = std::move(latest);
  if (topic.turn) return;
  const auto left = std::chrono::ceil<loop::milliseconds>(*topic.told_at + progress_interval - now);
  topic.turn = loop.after(left, [self = weak_from_this(), name] {
    if (const auto state = self.lock()) state->turn_came(name);
  });
}

void Hub::State::turn_came(const std::string& name) {
  const auto found = topics.find(name);
  if (found == topics.end()) return;
  Topic& topic = found->second;
  topic.turn.reset();
  if (!topic.pending) return;
  const Latest latest = *std::exchange(topic.pending, std::nullopt);
  topic.told_at = loop.now();
  tell(topic, latest);
}

// Forgotten first, so that a subscription made by a watcher's callback belongs to a new topic and not to the one that
// ends.
void Hub::State::finish(const std::string& name, const Latest& latest) {
  const auto ended = topics.extract(name);
  watchers -= ended.mapped().watchers.size();
  tell(ended.mapped(), latest);
}

// Callbacks may subscribe, unsubscribe, publish and end the topic: after the first call `topic` is not touched again.
void Hub::State::tell(const Topic& topic, const Latest& latest) {
  std::vector<std::shared_ptr<Watcher>> present;
  present.reserve(topic.watchers.size());
  for (const auto& [number, watcher] : topic.watchers) present.push_back(watcher);
  for (const auto& watcher : present) {
    if (watcher->gone || (watcher->told && *watcher->told >= latest.rev)) continue;
    watcher->told = latest.rev;
    ++delivered;
    watcher->changed(latest);
  }
}

void Hub::State::unsubscribe(const std::string& name, std::uint64_t number) {
  const auto found = topics.find(name);
  if (found == topics.end() || found->second.watchers.erase(number) == 0) return;
  --watchers;
  if (!found->second.watchers.empty()) return;
  found->second.pending.reset();
  found->second.turn.reset();
  // One that was published stays until its end, for its rev.
  if (!found->second.rev) topics.erase(found);
}

Hub::Hub(loop::Loop& loop) : state_(std::make_shared<State>(loop)) {}

Hub::~Hub() = default;

void Hub::publish(const std::string& topic, Latest latest, Urgency urgency) {
  // A callback may destroy the hub.
  const auto state = state_;
  state->publish(topic, std::move(latest), urgency);
}

std::unique_ptr<Hub::Subscription> Hub::subscribe(const std::string& topic, Changed changed) {
  auto watcher = std::make_shared<Watcher>();
  watcher->changed = std::move(changed);
  const std::uint64_t number = ++state_->last_number;
  state_->topics[topic].watchers.emplace(number, watcher);
  ++state_->watchers;
  return std::make_unique<OwnSubscription>(watcher, [state = std::weak_ptr(state_), topic, number] {
    if (const auto alive = state.lock()) alive->unsubscribe(topic, number);
  });
}

std::size_t Hub::watchers() const {
  return state_->watchers;
}

std::size_t Hub::topics() const {
  return state_->topics.size();
}

std::int64_t Hub::delivered() const {
  return state_->delivered;
}

}  // namespace convd::events
