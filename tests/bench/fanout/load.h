#pragma once
// The kinds of load, and what they have in common.

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "tests/bench/fanout/poller.h"
#include "tests/bench/fanout/publisher.h"
#include "tests/bench/fanout/report.h"
#include "tests/bench/fanout/stamp.h"
#include "tests/bench/fanout/subscriber.h"
#include "tests/bench/fanout/swarm.h"

namespace fanout {

struct Option {
  std::string value;
  std::string help;
};
using Options = std::map<std::string, Option>;  // by name, without "--"

// One thread only.
class Load {
 public:
  // Throws std::runtime_error.
  explicit Load(const Options& options);

  std::string text(const std::string& option) const { return options_.at(option).value; }
  double number(const std::string& option) const { return std::stod(text(option)); }
  std::size_t count(const std::string& option) const { return std::stoul(text(option)); }
  std::chrono::milliseconds seconds(const std::string& option) const;

  // From now on `usage` is that of these, commas between.
  void watch(const std::string& pids);
  std::unique_ptr<Publisher> new_publisher();
  void publish(Publisher& publisher);
  // Connects all of them; throws when that takes too long.
  void assemble(Swarm& swarm);
  // Rounds until `is_done`; throws after `patience` seconds.
  template <typename IsDone>
  void run_until(IsDone is_done, const char* what, std::chrono::seconds patience = std::chrono::seconds(60)) {
    const auto end = Clock::now() + patience;
    while (!is_done()) {
      if (Clock::now() > end) give_up(what);
      poller.wait(std::chrono::milliseconds(10));
    }
  }
  // Until everything that was published has been answered.
  void await_answers(Publisher& publisher);

  Poller poller;
  const Access access;
  Usage usage;

 private:
  [[noreturn]] static void give_up(const char* what);
  const Options& options_;
};

// Says when the next of so many events a second is due.
class Pace {
 public:
  explicit Pace(double per_second);
  bool is_due();
  std::chrono::milliseconds until_due() const;

 private:
  Clock::duration step_;
  Clock::time_point next_;
};

// What most kinds of load want of a subscriber: nothing but events, and no end.
class Audience : public Subscriber::Observer {
 public:
  void on_live(Subscriber&, std::string_view) override {}
  void on_closed(Subscriber& subscriber, Subscriber::State before, const std::string& why) override;

 protected:
  ~Audience() = default;
};

void throughput(Load& load);
void paced(Load& load);
void idle(Load& load);
// These three are about the unified stream of convd and nothing else.
void probe(Load& load);
void fill(Load& load);
void replay(Load& load);
void herd(Load& load);

}  // namespace fanout
