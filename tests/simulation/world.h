#pragma once
// One simulation: a daemon's manager, its people, its runner, its disk and its bad luck, from one seed, step by step.

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "convd/engines/registry.h"
#include "convd/jobs/manager.h"
#include "tests/simulation/client.h"
#include "tests/simulation/dice.h"
#include "tests/simulation/disk.h"
#include "tests/simulation/ledger.h"
#include "tests/simulation/runner.h"
#include "tests/simulation/store.h"

namespace simulation {

class World {
 public:
  using Trace = std::function<void(std::int64_t step, std::int64_t now_ms, const std::string& what)>;
  World(std::uint64_t seed, Trace trace);
  ~World();

  // To the end, or until a promise is broken.
  std::optional<Breach> run();
  std::int64_t steps() const { return steps_; }

 private:
  // A daemon from its start to its end.
  struct Life {
    convd::engines::Registry registry;
    Runner runner;
    convd::events::Board board;
    convd::jobs::Manager manager;
    bool recovering = true;
    bool recovered = false;
    bool draining = false;
    bool drained = false;
    Life(World& world, std::uint64_t seed);
  };
  enum class Death : std::uint8_t { by_kill, by_power_cut, by_drain };

  void begin();
  void end(Death death);
  void step();
  void calm_step();
  bool loop_step();
  void file_step();
  void store_step();
  void let_time_pass();
  void act();
  void drain();
  void operate();
  void trouble();
  void crash();
  void calm_down();
  void rest();
  void last_look();
  void after_step();
  void check_idle_slots();
  bool is_at_its_limit(const std::string& org) const;
  bool is_busy() const;
  void say(const std::string& what);

  Dice dice_;
  Trace trace_;
  convd::jobs::Settings settings_;
  tests::FakeLoop loop_;
  Disk disk_;
  Store store_;
  Ledger ledger_;
  Client client_;
  std::unique_ptr<Life> life_;

  // The character of this simulation: how often what happens.
  int loop_weight_;
  int file_weight_;
  int store_weight_;
  int time_weight_;
  int act_weight_;
  int trouble_per_mille_;
  int crash_per_mille_;
  bool with_store_trouble_;
  bool with_disk_trouble_;
  bool with_runner_trouble_;
  bool with_clock_trouble_;
  bool with_drains_;
  bool with_operators_;
  int acts_left_;

  std::int64_t steps_ = 0;
  std::size_t batch_left_ = 0;  // tasks of the loop's turn under way
  std::optional<shared::Error> store_failure_;
  int store_failing_per_mille_ = 0;
  bool calm_ = false;
  bool needs_restart_ = false;
  std::optional<convd::loop::TimePoint> idle_since_;
};

}  // namespace simulation
