#pragma once
// The daemon as a whole: a list of parts, each knowing only those above it, and the order in which they start and stop.

#include <optional>
#include <string>
#include <vector>

#include "convd/api/edge.h"
#include "convd/api/router.h"
#include "convd/arguments.h"
#include "convd/config.h"
#include "convd/engines/registry.h"
#include "convd/events/board.h"
#include "convd/jobs/manager.h"
#include "convd/loop/ev_loop.h"
#include "convd/machine.h"
#include "convd/operations.h"
#include "convd/process/runner_client.h"
#include "convd/process/runner_process.h"
#include "convd/pulse.h"
#include "convd/realtime/realtime.h"
#include "convd/store/store.h"
#include "convd/transport/server.h"
#include "convd/trust/audit_log.h"
#include "convd/trust/authority.h"
#include "convd/trust/bucket_gate.h"

namespace convd {

// Loop thread only.
class Daemon {
 public:
  // `arguments` is read again on SIGHUP.
  Daemon(loop::EvLoop& loop, store::Store& store, std::optional<trust::AuditFile> audit_file, Arguments arguments,
         Config config);
  Daemon(const Daemon&) = delete;
  Daemon& operator=(const Daemon&) = delete;

  // Runs until it is told to stop or cannot go on. Returns the exit code (sysexits.h).
  int run();

 private:
  void runner_spoke();
  void recover();
  void listen();
  shared::Result<void> open_listeners();
  void compare_listeners();
  void watch_over();
  void hang_up();
  void reload();
  void terminate();
  void stop_with(int exit_code);
  void leave_when_quiet(int turns);

  loop::EvLoop& loop_;
  store::Store& store_;
  Config config_;
  trust::AuditLog audit_;
  process::RunnerClient runner_;
  process::RunnerProcess runner_process_;
  engines::Registry registry_;
  events::Board board_;
  jobs::Manager manager_;
  Machine machine_;
  realtime::Realtime realtime_;
  Pulse pulse_;
  trust::Authority authority_;
  Operations operations_;
  trust::Gate gate_;
  api::Edge edge_;
  api::Router router_;
  transport::Server server_;

  enum class Phase : std::uint8_t { starting, recovering, serving, draining, leaving };
  Phase phase_ = Phase::starting;
  std::string told_confinement_;
  std::string told_office_;
  int exit_code_ = 0;
  std::vector<loop::Signal> signals_;
  bool reload_wanted_ = false;
  loop::Timer patience_;
};

}  // namespace convd
