#pragma once
// What a forked child does from its first moment to its end. Everything that knows LibreOffice is handed in.

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "convd/loop/unique_fd.h"
#include "convd/office/confine.h"
#include "convd/process/office_wire.h"
#include "convd/process/packet.h"
#include "shared/result.h"

namespace convd::office {

using Notes = std::function<void(const process::OfficeNote&)>;

// The parts of a child's life that are LibreOffice's.
struct Work {
  // In a spare, before it has a document: whatever makes the first document faster. `directory` is empty, its own, and
  // removed afterwards.
  std::function<void(const std::string& directory)> pre_touch;
  // Before the walls go up: what has to be opened or switched.
  std::function<void(const process::OfficeJob& job, const std::string& workspace)> prepare;
  // Behind them. Nothing: done.
  std::function<std::optional<process::OfficeFailed>(const process::OfficeJob& job, const std::string& workspace,
                                                     const Notes& notes)>
      convert;
};

// What all children have in common.
struct ChildWorld {
  Work work;
  const Confinement* confinement = nullptr;  // none: no walls
  std::vector<int> inherited;                // descriptors that LibreOffice needs
};

// A document with its descriptors: standard output, standard error, input, cgroup.procs files.
struct Assignment {
  process::Convert convert;
  std::vector<loop::UniqueFd> descriptors;
};

// Errors: invalid_request, for names that lead elsewhere and descriptors that are missing.
shared::Result<void> check(const process::Convert& convert, std::size_t descriptors);

// In a child that was forked for this document. Its end: 0, or not 0 after an OfficeFailed on its standard output, or
// by a signal.
[[noreturn]] void convert_forked(const ChildWorld& world, Assignment assignment);

// In a spare child. `socket` brings one Convert with its descriptors; before it takes that, it says that it is ready by
// sending the rusage of its life so far. Ends with status 0 when the socket is closed.
[[noreturn]] void be_spare(const ChildWorld& world, loop::UniqueFd socket, const std::string& directory);

}  // namespace convd::office
