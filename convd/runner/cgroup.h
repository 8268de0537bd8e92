#pragma once
// A control group per child: memory and process limits, and the word that memory ran out. Version 2 when a subtree is
// delegated to us, else the memory and pids controllers of version 1 when they can be written, else nothing.

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <vector>

namespace convd::runner {

enum class CgroupKind : unsigned char { none, v1, v2 };

// Where groups can be made. Found once at start.
struct CgroupPlace {
  CgroupKind kind = CgroupKind::none;
  std::vector<std::string> directories;  // v2: one; v1: memory, pids

  static CgroupPlace find();
  std::string describe() const;  // "cgroup v1 memory+pids"
};

// The name of a runner's group: its process, the namespace that knows the process by this number, and the group's
// number.
std::string group_name(pid_t runner, std::uint64_t number);

// Removed with the object, once its processes are gone.
class Cgroup {
 public:
  // `number` tells this runner's groups apart. Limits of zero are none.
  Cgroup(const CgroupPlace& place, std::uint64_t number, std::int64_t memory_bytes, int processes);
  ~Cgroup();
  Cgroup(const Cgroup&) = delete;
  Cgroup& operator=(const Cgroup&) = delete;

  // Files to write "0" to from within the child, before it gives up its rights.
  std::vector<std::string> join_files() const;
  bool ran_out_of_memory() const;
  std::int64_t peak_memory_bytes() const;  // 0 when not known
  // The processes in it now, also those that left the process tree.
  std::vector<pid_t> members() const;

 private:
  const CgroupKind kind_;
  std::vector<std::string> directories_;
};

}  // namespace convd::runner
