#include "convd/operations.h"

#include <spdlog/spdlog.h>

#include "convd/config_change.h"
#include "convd/logging.h"
#include "convd/service_manager.h"
#include "convd/trust_policy.h"

namespace convd {
namespace {

using jobs::Operation;

std::shared_ptr<spdlog::logger> log() {
  return spdlog::get("convd");
}

void note(const std::vector<api::KeyChange>& changes) {
  for (const api::KeyChange& change : changes) {
    const bool now = change.effect == api::KeyChange::Effect::now;
    log()->info("reload: {} = {} (was {}){}", change.key, change.to, change.from, now ? "" : ": needs a restart");
  }
  if (changes.empty()) log()->info("reload: nothing differs");
}

std::string summary(const std::vector<api::KeyChange>& changes) {
  std::string changed;
  for (const api::KeyChange& change : changes) {
    if (change.effect == api::KeyChange::Effect::now) changed += (changed.empty() ? "" : ", ") + change.key;
  }
  return "the configuration was read again; changed: " + (changed.empty() ? "nothing" : changed);
}

}  // namespace

void Operations::ask_for(Operation operation) {
  switch (operation) {
    case Operation::running:
      return resume();
    case Operation::paused:
      return pause();
    case Operation::draining:
      return drain();
  }
}

void Operations::pause() {
  if (!world_.manager.pause()) return;
  log()->info("paused by an operator: new work is accepted, and waits");
  service_manager::status(status());
  world_.news.paused("an operator has paused convd: new work is accepted, and waits");
}

void Operations::drain() {
  const auto idle = [this] {
    log()->info("drained: nothing runs any more");
    service_manager::status("drained");
    world_.news.drained("nothing runs any more; nothing new is accepted until an operator resumes");
  };
  if (!world_.manager.drain_and_stay(idle)) return;
  log()->info("draining by an operator: what runs may finish, nothing new is accepted");
  service_manager::status(status());
  world_.news.draining("an operator drains convd: what runs may finish, nothing new is accepted");
}

void Operations::resume() {
  if (!world_.manager.resume()) return;
  log()->info("resumed by an operator");
  service_manager::status(status());
  world_.news.resumed("an operator has resumed convd");
}

std::string Operations::status() const {
  const jobs::OperationState state = world_.manager.operation();
  if (state.operation == Operation::paused) return "paused";
  if (state.operation == Operation::draining) return state.idle ? "drained" : "draining";
  return "serving";
}

shared::Result<void> Operations::set_log_level(const std::string& level) {
  if (auto known = apply(world_.config, {"the request", "log_level", level}); !known) return known.error();
  put_log_level_in_force();
  log()->info("log_level is {} now", level);
  return {};
}

void Operations::put_log_level_in_force() {
  convd::set_log_level(world_.config.log_level);
  world_.runner.set_log_level(world_.config.log_level);
}

// The files of the keys may differ where their names do not. Who needs a token today needs one until a restart.
void Operations::put_trust_in_force(const trust::Keys& keys) {
  world_.config.trust.keys = keys;
  trust::Policy policy = policy_of(world_.config);
  if (world_.authority.demand() == trust::Demand::token) policy.demand = trust::Demand::token;
  world_.authority.set(std::move(policy));
}

shared::Result<std::vector<api::KeyChange>> Operations::reload() {
  service_manager::reloading();
  auto fresh = load_config(arguments_);
  if (!fresh) {
    log()->error("reload: {}; nothing has changed", fresh.error().message);
    service_manager::ready(status());
    return fresh.error();
  }
  auto changes = differences(world_.config, *fresh);
  take_over(world_.config, *fresh);
  put_log_level_in_force();
  world_.manager.set(world_.config.jobs);
  put_trust_in_force(fresh->trust.keys);
  note(changes);
  world_.news.reloaded(summary(changes));
  service_manager::ready(status());
  return changes;
}

}  // namespace convd
