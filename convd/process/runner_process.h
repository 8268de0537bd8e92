#pragma once
// Keeps a convd-runner at hand: starts one, or connects to one that runs by itself, and does so again when it is gone.

#include <sys/types.h>

#include <string>

#include "convd/loop/loop.h"
#include "convd/loop/unique_fd.h"
#include "convd/process/runner_client.h"

namespace convd::process {

struct RunnerOptions {
  std::string program;   // convd-runner, when it is ours to start
  std::string socket;    // of one that runs by itself; wins over `program`
  std::string work_dir;  // where it makes workspaces (its own affair when it runs by itself)
  bool sandbox = true;
  std::string warm_office = "always";  // always, when-needed, never
  std::string log_level = "info";
};

// Loop thread only. Destroying it closes the connection, which makes a runner of ours end with all its children.
class RunnerProcess {
 public:
  RunnerProcess(loop::Loop& loop, RunnerClient& client, RunnerOptions options);
  ~RunnerProcess();
  RunnerProcess(const RunnerProcess&) = delete;
  RunnerProcess& operator=(const RunnerProcess&) = delete;

  // Call once; also tells the client's state changes to `changed`.
  void start(loop::Task changed);

 private:
  void connect();
  loop::UniqueFd spawn();
  loop::UniqueFd connect_to_socket();
  void retry();
  void reap();

  loop::Loop& loop_;
  RunnerClient& client_;
  const RunnerOptions options_;
  loop::Task changed_;
  pid_t pid_ = -1;
  loop::UniqueFd pidfd_;
  loop::Watch exited_;
  loop::Timer retry_;
  loop::milliseconds backoff_{100};
};

}  // namespace convd::process
