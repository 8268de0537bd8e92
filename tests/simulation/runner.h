#pragma once
// A runner whose children do what the dice say: succeed, fail, hang, talk for ever, lie about what they have made.

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "convd/process/spawner.h"
#include "tests/simulation/dice.h"
#include "tests/simulation/ledger.h"
#include "tests/support/fake_loop.h"

namespace simulation {

enum class Fate : std::uint8_t {
  succeeds,
  crashes,
  gives_up,
  runs_out_of_memory,
  writes_too_much,
  hangs,           // until somebody kills it
  talks_for_ever,  // the same, with signs of life
  makes_nothing,
  makes_others,  // files of other names
  lies,          // tells of a file that is not there
  is_not_started,
};

class Runner final : public convd::process::Spawner {
 public:
  using ChildId = convd::process::ChildId;

  Runner(tests::FakeLoop& loop, Dice& dice, Ledger& ledger) : loop_(loop), dice_(dice), ledger_(ledger) {
    state_.connected = state_.sandboxed = true;
  }

  ChildId start(const convd::process::ChildSpec& spec, convd::process::ChildListener& listener) override;
  void kill(ChildId id) override;
  void forget(ChildId id) override;
  void open_output(ChildId id, const std::string& name, Opened done) override;
  void release(ChildId id) override;
  convd::process::RunnerState state() const override { return state_; }

  void misbehave(int per_mille) { misbehaving_per_mille_ = per_mille; }
  void slow_down(std::int64_t most_ms) { most_ms_ = most_ms; }
  void go();    // what runs is lost, and so are the workspaces
  void come();  // a new one
  // Children of conversions.
  int running() const;
  int kept() const;  // also those that have ended, until their release

 private:
  struct Child {
    std::string conversion;  // empty: of none
    std::string from;
    std::string to;
    std::string input;
    convd::process::ChildListener* listener = nullptr;
    Fate fate = Fate::succeeds;
    int lines_left = 0;
    int lines = 0;
    bool running = true;
    bool killed = false;
    std::map<std::string, std::string> outputs;
    convd::loop::Timer timer;
  };
  struct Opening {
    ChildId child = 0;
    std::string name;
    Opened done;
  };

  template <typename Test>
  int count(Test test) const;
  Fate draw(const Child& child);
  void live(ChildId id);
  void next(ChildId id);
  void finish(ChildId id);
  void end(ChildId id, convd::process::Exit exit);
  void opened(std::uint64_t ticket);

  tests::FakeLoop& loop_;
  Dice& dice_;
  Ledger& ledger_;
  convd::process::RunnerState state_;
  std::map<ChildId, Child> children_;
  std::map<std::uint64_t, Opening> opening_;
  std::map<std::uint64_t, convd::loop::Timer> slow_answers_;
  ChildId last_id_ = 0;
  ChildId last_lost_ = 0;
  std::uint64_t last_ticket_ = 0;
  int misbehaving_per_mille_ = 0;
  std::int64_t most_ms_ = 3'000;
};

}  // namespace simulation
