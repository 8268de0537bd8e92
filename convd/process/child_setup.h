#pragma once
// What a new child does to itself before it works. Each step says whether it could be done; errno says why not.

#include <cstdint>
#include <string>

#include "convd/process/child_spec.h"

namespace convd::process {

// No core file, and RLIMIT_NOFILE, _FSIZE, _CPU and _AS. Not the number of processes: the kernel would count all that a
// user has, also those of another runner's jobs.
bool set_limits(const Limits& limits);
// A new file with the bytes of `source`, readable for everybody. Shares the blocks where the file system can.
bool copy_to_new_file(int source, const std::string& path);
bool write_to(const char* path, const char* text);

}  // namespace convd::process
