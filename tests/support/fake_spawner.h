#pragma once
// A Spawner whose children do what the test says.

#include <map>
#include <string>
#include <vector>

#include "convd/process/spawner.h"
#include "tests/support/fake_loop.h"

namespace tests {

// Test thread only. Answers in a later turn of the loop, as the real one does.
class FakeSpawner final : public convd::process::Spawner {
 public:
  using ChildId = convd::process::ChildId;
  using Exit = convd::process::Exit;

  struct Child {
    convd::process::ChildSpec spec;
    std::string input;  // what the borrowed descriptor said
    convd::process::ChildListener* listener = nullptr;
    std::map<std::string, std::string> outputs;
    bool running = true;
    bool released = false;
  };

  explicit FakeSpawner(FakeLoop& loop) : loop_(loop) { state_.connected = state_.sandboxed = true; }

  ChildId start(const convd::process::ChildSpec& spec, convd::process::ChildListener& listener) override;
  void kill(ChildId id) override;
  void forget(ChildId id) override;
  void open_output(ChildId id, const std::string& name, Opened done) override;
  void release(ChildId id) override;
  convd::process::RunnerState state() const override { return state_; }

  // What the test says. The first group is about a running child.
  void prints(ChildId id, const std::string& text, convd::process::Stream stream = convd::process::Stream::out);
  void uses_cpu(ChildId id, std::int64_t cpu_ms);
  void writes(ChildId id, const std::string& name, const std::string& content);
  void succeeds(ChildId id, std::map<std::string, std::string> outputs);
  // What the next ends of children say of them.
  void uses(std::int64_t cpu_ms, std::int64_t peak_rss_bytes, bool warm);
  void disk_is_full();
  void ends(ChildId id, convd::process::End end, int status = 0, const std::string& reason = {});
  void runner_goes();  // what runs is lost
  void runner_comes();
  void warms_up() { state_.office_warm = true; }

  std::vector<ChildId> running() const;  // in the order of their start
  ChildId newest() const { return last_id_; }
  const Child& child(ChildId id) const { return children_.at(id); }
  int started() const { return static_cast<int>(children_.size()); }
  int most_at_once() const { return most_at_once_; }
  bool all_released() const;

 private:
  bool refused(ChildId id);
  void finish(ChildId id, Exit exit);

  FakeLoop& loop_;
  convd::process::RunnerState state_;
  std::map<ChildId, Child> children_;
  ChildId last_id_ = 0;
  Exit use_;
  int most_at_once_ = 0;
};

}  // namespace tests
