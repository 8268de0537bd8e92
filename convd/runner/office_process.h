#pragma once
// One convd-office from its start to its end: the warm LibreOffice that forks a child per document.

#include <sys/types.h>

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "convd/loop/loop.h"
#include "convd/loop/unique_fd.h"
#include "convd/process/channel.h"
#include "convd/process/office_wire.h"
#include "convd/runner/cgroup.h"
#include "convd/runner/confinement.h"
#include "convd/runner/workspace.h"

namespace convd::runner {

// What becomes of a document that was given to a warm LibreOffice. Loop thread.
class OfficeClient {
 public:
  virtual ~OfficeClient() = default;
  // The child runs; the descriptor is readable once it has ended.
  virtual void on_started(loop::UniqueFd pidfd) = 0;
  // It has ended. The last call.
  virtual void on_ended(const process::ChildEnded& end) = 0;
  // The process it was given to is gone, and every child with it. The last call.
  virtual void on_lost() = 0;
};

// Loop thread only. Destroying it kills the process with all its children.
class OfficeProcess {
 public:
  enum class State : unsigned char { starting, ready, draining, gone };
  struct Hooks {
    loop::Task ready;
    // `reason` is empty when it ended as it was told to; `for_good` when another one would fare no better. Destroy it
    // in a later turn.
    std::function<void(std::string reason, bool for_good)> gone;
  };

  // `user`: who it runs as, or same_user. `number` tells this runner's ones apart.
  OfficeProcess(loop::Loop& loop, const Confinement& confinement, std::uint64_t number, uid_t user);
  ~OfficeProcess();
  OfficeProcess(const OfficeProcess&) = delete;
  OfficeProcess& operator=(const OfficeProcess&) = delete;

  // Errors: unavailable, with why; then no hook is called.
  shared::Result<void> start(const std::string& program, Hooks hooks);
  // While ready. `descriptors` as Convert wants them. The client must live until its last call, or until forget().
  void convert(process::Convert convert, std::vector<loop::UniqueFd> descriptors, OfficeClient& client);
  void forget(process::ChildId id);
  // No new work; it ends by itself after the last child.
  void drain();

  // The directory as convd-office sees it.
  std::string inside(const std::string& directory) const;
  State state() const { return state_; }
  uid_t user() const { return user_; }
  const std::string& version() const { return version_; }
  const std::string& description() const { return description_; }
  int documents() const { return documents_; }
  bool is_idle() const { return clients_.empty(); }
  std::int64_t resident_bytes() const;  // 0 when not known
  loop::TimePoint started() const { return started_; }

 private:
  void take_message(const std::string& text, std::vector<loop::UniqueFd> descriptors);
  void take(process::OfficeReady& ready, std::vector<loop::UniqueFd>& descriptors);
  void take(process::OfficeRefused& refused, std::vector<loop::UniqueFd>& descriptors);
  void take(process::ChildStarted& started, std::vector<loop::UniqueFd>& descriptors);
  void take(process::ChildEnded& ended, std::vector<loop::UniqueFd>& descriptors);
  template <typename T>
  void take(T&, std::vector<loop::UniqueFd>&);  // what only convd-office is told
  void reap();
  void end(std::string reason);
  void kill_all() const;

  loop::Loop& loop_;
  const Confinement& confinement_;
  const std::uint64_t number_;
  const uid_t user_;
  Hooks hooks_;
  State state_ = State::starting;
  std::optional<Workspace> workspace_;
  std::unique_ptr<Cgroup> cgroup_;
  std::unique_ptr<process::Channel> channel_;
  pid_t pid_ = -1;
  loop::UniqueFd pidfd_;
  loop::UniqueFd report_;
  loop::UniqueFd status_;  // bubblewrap writes to it, and would be ended if nobody held the other end
  loop::Watch ended_;
  loop::Timer start_patience_;
  loop::Timer last_words_;
  std::map<process::ChildId, OfficeClient*> clients_;
  std::string version_;
  std::string description_;
  std::string refusal_;
  int documents_ = 0;
  loop::TimePoint started_;
};

}  // namespace convd::runner
