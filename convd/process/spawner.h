#pragma once
// Starting and stopping sandboxed children. RunnerClient is the real one (over convd-runner); tests use a fake.

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "convd/loop/unique_fd.h"
#include "convd/process/child_spec.h"
#include "shared/result.h"

namespace convd::process {

using ChildId = std::uint64_t;  // never reused within one daemon run; 0 is none

enum class Stream : std::uint8_t { out, err };

struct OutputFile {
  std::string name;  // relative to /out, no directory
  std::int64_t size_bytes = 0;
};

enum class End : std::uint8_t {
  exited,         // status is the exit code
  signalled,      // status is the signal
  killed,         // by our own kill()
  not_started,    // the sandbox or the program could not be started; `reason` says why
  out_of_memory,  // the memory limit struck
  output_limit,   // Limits::output_bytes or output_files struck
  lost,           // the runner went away; nothing is known
};

struct Exit {
  End end = End::lost;
  int status = 0;
  std::string reason;
  std::int64_t user_ms = 0;
  std::int64_t system_ms = 0;
  std::int64_t peak_rss_bytes = 0;
  bool disk_full = false;  // the disk its workspace lies on, at some time of the run; limits of its own do not count
  bool warm = false;       // a child of the warm LibreOffice did it
  std::vector<OutputFile>
      outputs;  // regular files in /out with one link, sorted by name in natural order (9 before 10)
};

// What a started child tells. Called on the loop thread; on_exit is the last call.
class ChildListener {
 public:
  virtual ~ChildListener() = default;
  virtual void on_output(Stream stream, std::string_view bytes) = 0;
  // CPU time used so far by the whole process tree, about once a second.
  virtual void on_usage(std::int64_t cpu_ms) = 0;
  // All output has been delivered before.
  virtual void on_exit(const Exit& exit) = 0;
};

// What the runner says of itself and of the confinement in force; for doctor, readiness and the log.
struct RunnerState {
  bool connected = false;
  bool sandboxed = false;    // false only with --sandbox=off
  std::string confinement;   // one line: "bwrap 0.8.0, user job 64200, seccomp, cgroup v1 memory"
  std::string problem;       // why no child can be started, for people; empty when all is well
  bool office_warm = false;  // a warm LibreOffice serves
  std::string office;        // one line about it: "LibreOffice 7.4.7.2, Landlock 2, seccomp" or why there is none
};

// Loop thread only.
class Spawner {
 public:
  virtual ~Spawner() = default;

  // Never fails in itself: what goes wrong arrives as on_exit(not_started), in a later loop turn.
  // `listener` must live until on_exit or forget().
  virtual ChildId start(const ChildSpec& spec, ChildListener& listener) = 0;
  // SIGKILL to the whole tree; on_exit(killed) follows. Unknown ids are ignored.
  virtual void kill(ChildId id) = 0;
  // The listener is not called again; a running child is killed and its workspace released.
  virtual void forget(ChildId id) = 0;
  // After on_exit, and for early_page_name also before: opens one output for reading (openat2 beneath /out, no
  // symlinks, regular, one link). Errors: interrupted when the runner has gone and the workspace with it, unavailable.
  using Opened = std::function<void(shared::Result<loop::UniqueFd>)>;
  virtual void open_output(ChildId id, const std::string& name, Opened done) = 0;
  // After on_exit: removes the workspace. Descriptors already opened stay good.
  virtual void release(ChildId id) = 0;

  virtual RunnerState state() const = 0;
};

}  // namespace convd::process
