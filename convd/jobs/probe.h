#pragma once
// Learns the versions of the engines: runs each one's version command in the sandbox, one after the other, at low
// priority.

#include <memory>
#include <string>

#include "convd/engines/registry.h"
#include "convd/loop/loop.h"
#include "convd/process/spawner.h"

namespace convd::jobs {

// Loop thread only.
class Probe final : public process::ChildListener {
 public:
  Probe(loop::Loop& loop, process::Spawner& spawner, engines::Registry& registry);
  ~Probe() override;
  Probe(const Probe&) = delete;
  Probe& operator=(const Probe&) = delete;

  // Once. Waits while there is no runner.
  void start();

  void on_output(process::Stream stream, std::string_view bytes) override;
  void on_usage(std::int64_t) override {}
  void on_exit(const process::Exit& exit) override;

 private:
  void next();
  void begin(const engines::Engine& engine);
  void take_version(const engines::Engine& engine, const process::Exit& exit);

  loop::Loop& loop_;
  process::Spawner& spawner_;
  engines::Registry& registry_;
  std::size_t index_ = 0;
  process::ChildId child_ = 0;
  std::string printed_;
  loop::Timer timer_;
};

}  // namespace convd::jobs
