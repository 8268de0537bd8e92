#pragma once
// Spawner over convd-runner: the side of convd.

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "convd/loop/loop.h"
#include "convd/process/channel.h"
#include "convd/process/spawner.h"
#include "convd/process/wire.h"

namespace convd::process {

// Loop thread only.
class RunnerClient final : public Spawner {
 public:
  // A runner that owes an answer and says nothing for as long as `patience` is given up, as if it were gone: one that
  // is stopped or stuck would keep its conversions for ever. The next one is waited for twice as long, up to eight
  // times.
  explicit RunnerClient(loop::Loop& loop, loop::milliseconds patience = loop::milliseconds(15'000));
  ~RunnerClient() override;

  // A connected socket to a runner. Whatever an earlier one ran is lost.
  void attach(loop::UniqueFd socket);
  // Called when the runner has said hello, and when it is gone, be it without a word.
  void on_state(loop::Task changed) { changed_ = std::move(changed); }

  // What the runner logs from now on, also one that comes later. Before the first call it is the runner's own affair.
  void set_log_level(const std::string& level);

  ChildId start(const ChildSpec& spec, ChildListener& listener) override;
  void kill(ChildId id) override;
  void forget(ChildId id) override;
  void open_output(ChildId id, const std::string& name, Opened done) override;
  void release(ChildId id) override;
  RunnerState state() const override { return state_; }

 private:
  class Child;

  void take_message(const std::string& text, std::vector<loop::UniqueFd> descriptors);
  void take(Hello& hello, std::vector<loop::UniqueFd>& descriptors);
  void take(Office& office, std::vector<loop::UniqueFd>& descriptors);
  void take(process::Opened& opened, std::vector<loop::UniqueFd>& descriptors);
  void take(Usage& usage, std::vector<loop::UniqueFd>& descriptors);
  void take(Outputs& outputs, std::vector<loop::UniqueFd>& descriptors);
  void take(Exited& exited, std::vector<loop::UniqueFd>& descriptors);
  template <typename T>
  void take(T&, std::vector<loop::UniqueFd>&);  // what only the runner is told
  void lost();
  void expect_word();
  void fail_later(ChildId id, const std::string& reason);
  void hear_out(ChildId id);
  void finish(ChildId id);
  void send(const Message& message, std::vector<loop::UniqueFd> descriptors = {});

  loop::Loop& loop_;
  std::unique_ptr<Channel> channel_;
  RunnerState state_;
  loop::Task changed_;
  const loop::milliseconds patience_;
  loop::Timer giving_up_;  // until the runner has said something
  int silent_ = 0;         // times in a row that one was given up
  std::string log_level_;
  ChildId last_id_ = 0;
  ChildId last_lost_ = 0;  // children up to this one were those of a runner that is gone
  std::int64_t last_ticket_ = 0;
  std::unordered_map<ChildId, std::unique_ptr<Child>> children_;
  std::map<std::int64_t, Opened> opening_;
  std::shared_ptr<int> alive_ = std::make_shared<int>(0);  // posted tasks look whether we still are
};

}  // namespace convd::process
