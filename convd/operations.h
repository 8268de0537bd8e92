#pragma once
// What operators ask of the running daemon, by HTTP or by a signal, and who is told of it.

#include <string>
#include <utility>
#include <vector>

#include "convd/api/control.h"
#include "convd/arguments.h"
#include "convd/config.h"
#include "convd/process/runner_client.h"
#include "convd/pulse.h"
#include "convd/realtime/system_news.h"
#include "convd/trust/authority.h"

namespace convd {

// Loop thread only.
class Operations final : public api::Control {
 public:
  // All outlive this object. `config` is the one in force, which changes here.
  struct World {
    Config& config;
    jobs::Manager& manager;
    process::RunnerClient& runner;
    const Pulse& pulse;
    realtime::SystemNews& news;
    trust::Authority& authority;
  };
  // `arguments` is read again by reload().
  Operations(World world, Arguments arguments) : world_(world), arguments_(std::move(arguments)) {}

  void ask_for(jobs::Operation operation) override;
  const std::string& log_level() const override { return world_.config.log_level; }
  shared::Result<void> set_log_level(const std::string& level) override;
  shared::Result<std::vector<api::KeyChange>> reload() override;
  std::vector<std::pair<std::string, std::string>> problems() const override { return world_.pulse.problems(); }

  // One word, for the service manager.
  std::string status() const;

 private:
  void pause();
  void drain();
  void resume();
  void put_log_level_in_force();
  void put_trust_in_force(const trust::Keys& keys);

  World world_;
  const Arguments arguments_;
};

}  // namespace convd
