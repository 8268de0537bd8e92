#pragma once
// The walls around a child that converts one document: it sees the system's programs and fonts and its own workspace,
// has no capability, no network, no new program, and reaches no other process. Landlock, seccomp and what Linux always
// had. bubblewrap around convd-office keeps the host away; these walls keep the children from each other.

#include <string>
#include <vector>

#include "convd/process/office_filter.h"
#include "shared/result.h"

namespace convd::office {

// What is needed is made once, before the children are forked. One thread.
class Confinement {
 public:
  // Errors: unavailable, when this kernel cannot confine; internal.
  static shared::Result<Confinement> prepare();

  // In the child, for good: reads in/ and writes out/ and tmp/ of `workspace`. Errors: internal; the process must end.
  shared::Result<void> apply(const std::string& workspace, process::Processes processes) const;
  // One line for people.
  std::string describe() const;

 private:
  Confinement(int landlock, process::OfficeFilter one, process::OfficeFilter several);
  shared::Result<void> close_files(const std::string& workspace) const;
  shared::Result<void> close_calls(process::Processes processes) const;

  int landlock_ = 0;
  process::OfficeFilter one_process_;
  process::OfficeFilter several_processes_;
  std::vector<std::string> system_;  // what is there of it
};

}  // namespace convd::office
