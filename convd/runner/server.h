#pragma once
// One connection to a convd: does what it says, and ends all it started when it goes away.

#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "convd/loop/loop.h"
#include "convd/loop/unique_fd.h"
#include "convd/process/channel.h"
#include "convd/process/wire.h"
#include "convd/runner/child.h"
#include "convd/runner/confinement.h"
#include "convd/runner/office_pool.h"

namespace convd::runner {

// Loop thread only.
class Server {
 public:
  // `problem`: why nothing may be started, from the self-test; empty when the sandbox holds. `gone` is called once.
  Server(loop::Loop& loop, const Confinement& confinement, OfficePool& office, std::string problem,
         loop::UniqueFd socket, loop::Task gone);
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

 private:
  void take_message(const std::string& text, std::vector<loop::UniqueFd> descriptors);
  void take(process::LogLevel& wanted, std::vector<loop::UniqueFd> descriptors);
  void take(process::Start& start, std::vector<loop::UniqueFd> descriptors);
  void take(process::Kill& kill, std::vector<loop::UniqueFd> descriptors);
  void take(process::Release& release, std::vector<loop::UniqueFd> descriptors);
  void take(process::Open& open, std::vector<loop::UniqueFd> descriptors);
  template <typename T>
  void take(T&, std::vector<loop::UniqueFd>);  // what only convd is told
  void tell_office();
  void exited(process::ChildId id, const process::Exit& exit);
  int free_slot() const;
  void send(const process::Message& message, std::vector<loop::UniqueFd> descriptors = {});

  loop::Loop& loop_;
  const Confinement& confinement_;
  OfficePool& office_;
  const std::string problem_;
  const loop::Task gone_;
  process::Channel channel_;
  DiskWatch disk_;
  std::map<process::ChildId, std::unique_ptr<Child>> children_;
};

}  // namespace convd::runner
