#pragma once
// The system calls a converter has no use for, as a BPF program for bubblewrap (seccomp(2)). A deny list: converters
// are many and large, and the namespaces around them are the first wall. What is refused to all is refused in every
// family; converters that are one program which works alone also get no socket and no other process.

#include "convd/loop/unique_fd.h"
#include "convd/process/child_spec.h"
#include "shared/result.h"

namespace convd::process {

// A descriptor to read the program from; each user needs an own file offset: open it again or rewind. Errors: internal.
shared::Result<loop::UniqueFd> make_seccomp_filter(Family family);

}  // namespace convd::process
