#include "convd/realtime/connections.h"

#include <map>
#include <unordered_map>
#include <utility>

#include "convd/trust/account.h"

namespace convd::realtime {

struct Connections::State {
  ConnectionCounts counts;
  std::unordered_map<std::string, int> by_account;  // never 0
  std::map<const Stay*, std::function<void()>> to_tell;
};

class Connections::OwnStay final : public Stay {
 public:
  OwnStay(std::shared_ptr<State> state, std::string account) : state_(std::move(state)), account_(std::move(account)) {
    ++state_->counts.now;
    ++state_->counts.ever;
    ++state_->by_account[account_];
  }
  ~OwnStay() override {
    state_->to_tell.erase(this);
    --state_->counts.now;
    const auto place = state_->by_account.find(account_);
    if (--place->second == 0) state_->by_account.erase(place);
  }
  void was_slow() override { ++state_->counts.slow; }
  void on_leaving(std::function<void()> told) override { state_->to_tell[this] = std::move(told); }

 private:
  std::shared_ptr<State> state_;
  std::string account_;
};

Connections::Connections(const Settings& settings) : settings_(settings), state_(std::make_shared<State>()) {}

Connections::~Connections() = default;

Connections::Entry Connections::enter(const std::string& org, const std::string& principal, Admission admission) {
  const auto refuse = [this](shared::CloseCode code) {
    ++state_->counts.refused;
    return Entry{nullptr, code};
  };
  if (admission == Admission::rollout && !admits(settings_.rollout, principal))
    return refuse(shared::CloseCode::realtime_disabled);
  if (!has_room(org, principal)) return refuse(shared::CloseCode::too_many_connections);
  return {std::make_unique<OwnStay>(state_, trust::account_of(org, principal)), {}};
}

bool Connections::has_room(const std::string& org, const std::string& principal) const {
  if (state_->counts.now >= settings_.connections) return false;
  const auto own = state_->by_account.find(trust::account_of(org, principal));
  return own == state_->by_account.end() ? settings_.connections_per_principal > 0
                                         : own->second < settings_.connections_per_principal;
}

void Connections::leave() {
  const auto all = std::exchange(state_->to_tell, {});
  for (const auto& [stay, told] : all) told();
}

ConnectionCounts Connections::counts() const {
  return state_->counts;
}

}  // namespace convd::realtime
