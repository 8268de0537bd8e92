#include "convd/events/board.h"

#include <map>
#include <optional>
#include <utility>

namespace convd::events {
namespace {

struct Watcher {
  Board::Changed changed;
  loop::milliseconds interval;
  bool gone = false;                 // its subscription has ended, perhaps during the delivery under way
  std::optional<std::int64_t> told;  // a callback may publish: the older value must not arrive after the newer one
  std::optional<loop::TimePoint> told_at;
  std::optional<Latest> pending;  // progress that waits for its turn
  loop::Timer turn;
};

}  // namespace

struct Board::Topic {
  std::map<std::uint64_t, std::shared_ptr<Watcher>> watchers;  // by number, in the order of subscription
  std::optional<std::int64_t> rev;                             // last published
};

struct Board::State : std::enable_shared_from_this<State> {
  explicit State(loop::Loop& l) : loop(l) {}

  void publish(const std::string& name, Latest latest, Urgency urgency);
  void offer(const std::shared_ptr<Watcher>& watcher, const Latest& latest, Urgency urgency);
  void wait_for_turn(const std::shared_ptr<Watcher>& watcher, const Latest& latest);
  void finish(const std::string& name, const Latest& latest);
  void tell_all(const Topic& topic, const Latest& latest, Urgency urgency);
  void tell(Watcher& watcher, const Latest& latest);
  void unsubscribe(const std::string& name, std::uint64_t number);

  loop::Loop& loop;
  Observer* observer = nullptr;
  std::unordered_map<std::string, Topic> topics;
  std::uint64_t last_number = 0;
  std::size_t watchers = 0;
  std::int64_t delivered = 0;
};

namespace {

class OwnSubscription final : public Board::Subscription {
 public:
  OwnSubscription(std::shared_ptr<Watcher> watcher, std::function<void()> end)
      : watcher_(std::move(watcher)), end_(std::move(end)) {}
  ~OwnSubscription() override {
    watcher_->gone = true;
    watcher_->turn.reset();
    end_();
  }

 private:
  std::shared_ptr<Watcher> watcher_;
  std::function<void()> end_;
};

}  // namespace

void Board::State::publish(const std::string& name, Latest latest, Urgency urgency) {
  Topic& topic = topics[name];
  if (topic.rev && latest.rev <= *topic.rev) return;
  topic.rev = latest.rev;
  if (observer != nullptr) observer->published(name, latest, latest.terminal ? Urgency::state : urgency);
  if (latest.terminal) return finish(name, latest);
  tell_all(topic, latest, urgency);
}

// Forgotten first, so that a subscription made by a watcher's callback belongs to a new topic and not to the one that
// ends.
void Board::State::finish(const std::string& name, const Latest& latest) {
  const auto ended = topics.extract(name);
  watchers -= ended.mapped().watchers.size();
  tell_all(ended.mapped(), latest, Urgency::state);
}

// Callbacks may subscribe, unsubscribe, publish and end the topic: after the first call `topic` is not touched again.
void Board::State::tell_all(const Topic& topic, const Latest& latest, Urgency urgency) {
  std::vector<std::shared_ptr<Watcher>> present;
  present.reserve(topic.watchers.size());
  for (const auto& [number, watcher] : topic.watchers) present.push_back(watcher);
  for (const auto& watcher : present) offer(watcher, latest, urgency);
}

void Board::State::offer(const std::shared_ptr<Watcher>& watcher, const Latest& latest, Urgency urgency) {
  const auto now = loop.now();
  const bool is_turn = !watcher->told_at || now - *watcher->told_at >= watcher->interval;
  if (urgency == Urgency::progress && !is_turn) return wait_for_turn(watcher, latest);
  watcher->pending.reset();
  watcher->turn.reset();
  watcher->told_at = now;
  tell(*watcher, latest);
}

void Board::State::wait_for_turn(const std::shared_ptr<Watcher>& watcher, const Latest& latest) {
  watcher->pending = latest;
  if (watcher->turn) return;
  const auto left = std::chrono::ceil<loop::milliseconds>(*watcher->told_at + watcher->interval - loop.now());
  watcher->turn = loop.after(left, [self = weak_from_this(), weak = std::weak_ptr(watcher)] {
    const auto state = self.lock();
    const auto waiting = weak.lock();
    if (!state || !waiting || !waiting->pending) return;
    const Latest newest = *std::exchange(waiting->pending, std::nullopt);
    waiting->turn.reset();
    waiting->told_at = state->loop.now();
    state->tell(*waiting, newest);
  });
}

void Board::State::tell(Watcher& watcher, const Latest& latest) {
  if (watcher.gone || (watcher.told && *watcher.told >= latest.rev)) return;
  watcher.told = latest.rev;
  ++delivered;
  watcher.changed(latest);
}

void Board::State::unsubscribe(const std::string& name, std::uint64_t number) {
  const auto found = topics.find(name);
  if (found == topics.end() || found->second.watchers.erase(number) == 0) return;
  --watchers;
  if (!found->second.watchers.empty()) return;
  // One that was published stays until its end, for its rev.
  if (!found->second.rev) topics.erase(found);
}

Board::Board(loop::Loop& loop) : state_(std::make_shared<State>(loop)) {}

Board::~Board() = default;

void Board::publish(const std::string& topic, Latest latest, Urgency urgency) {
  // A callback may destroy the board.
  const auto state = state_;
  state->publish(topic, std::move(latest), urgency);
}

std::unique_ptr<Board::Subscription> Board::subscribe(const std::string& topic, Changed changed,
                                                      loop::milliseconds interval) {
  auto watcher = std::make_shared<Watcher>();
  watcher->changed = std::move(changed);
  watcher->interval = interval;
  const std::uint64_t number = ++state_->last_number;
  state_->topics[topic].watchers.emplace(number, watcher);
  ++state_->watchers;
  return std::make_unique<OwnSubscription>(watcher, [state = std::weak_ptr(state_), topic, number] {
    if (const auto alive = state.lock()) alive->unsubscribe(topic, number);
  });
}

void Board::supersede_progress(const std::string& topic, const std::string& org) {
  if (state_->observer != nullptr) state_->observer->superseded(topic, org);
}

void Board::observe(Observer* observer) {
  state_->observer = observer;
}

bool Board::is_watched(const std::string& topic, const std::string& org) const {
  if (state_->observer != nullptr && state_->observer->wants_progress(org)) return true;
  const auto found = state_->topics.find(topic);
  return found != state_->topics.end() && !found->second.watchers.empty();
}

std::size_t Board::watchers() const {
  return state_->watchers;
}

std::size_t Board::topics() const {
  return state_->topics.size();
}

std::int64_t Board::delivered() const {
  return state_->delivered;
}

}  // namespace convd::events
