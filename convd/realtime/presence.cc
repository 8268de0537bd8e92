#include "convd/realtime/presence.h"

#include <functional>
#include <map>
#include <utility>

namespace convd::realtime {

struct Presence::State {
  using Key = std::pair<std::string, std::string>;  // org, conversion
  using Connections = std::map<std::string, int>;   // by principal, never 0

  void count(const Key& key, const std::string& principal, int by);
  shared::Json describe(const Key& key) const;

  events::ProgressSink* sink;
  std::map<Key, Connections> watched;
};

namespace {

constexpr auto service = shared::Service::presence;

class Counted final : public Presence::Stay {
 public:
  explicit Counted(std::function<void()> leave) : leave_(std::move(leave)) {}
  ~Counted() override { leave_(); }

 private:
  std::function<void()> leave_;
};

}  // namespace

void Presence::State::count(const Key& key, const std::string& principal, int by) {
  Connections& connections = watched[key];
  if ((connections[principal] += by) == 0) connections.erase(principal);
  if (connections.empty()) watched.erase(key);
  if (!sink->is_heard(key.first, service)) return;
  sink->offer({key.first, service, "presence.changed", key.second, describe(key).dump()});
}

shared::Json Presence::State::describe(const Key& key) const {
  shared::Json watchers = shared::Json::array();
  int total = 0;
  if (const auto found = watched.find(key); found != watched.end()) {
    for (const auto& [principal, connections] : found->second) {
      shared::Json watcher = shared::Json::object();
      watcher.set("principal", principal).set("connections", connections);
      watchers.push(std::move(watcher));
      total += connections;
    }
  }
  shared::Json json = shared::Json::object();
  json.set("conversion", key.second).set("watchers", std::move(watchers)).set("total", total);
  return json;
}

Presence::Presence(events::ProgressSink& sink) : state_(std::make_shared<State>(State{&sink, {}})) {}

Presence::~Presence() = default;

std::vector<Presence::Ticket> Presence::enter_all(const std::string& org, const events::Filter& filter,
                                                  const std::string& principal) {
  std::vector<Ticket> tickets;
  for (const events::Topic& topic : filter.topics()) {
    const bool is_one = topic.service == shared::Service::conversion && !topic.subject.empty();
    if (is_one) tickets.push_back(enter(org, topic.subject, principal));
  }
  return tickets;
}

Presence::Ticket Presence::enter(const std::string& org, const std::string& id, const std::string& principal) {
  State::Key key(org, id);
  state_->count(key, principal, +1);
  return std::make_unique<Counted>([weak = std::weak_ptr(state_), key = std::move(key), principal] {
    if (const auto state = weak.lock()) state->count(key, principal, -1);
  });
}

shared::Json Presence::describe(const std::string& org, const std::string& id) const {
  return state_->describe({org, id});
}

}  // namespace convd::realtime
