#include "convd/office/landlock.h"

#include <fcntl.h>
#include <linux/landlock.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cstddef>

namespace convd::office {
namespace {

using Rights = std::uint64_t;

constexpr Rights first_rights = (Rights{1} << 13) - 1;  // version 1
constexpr Rights refer = Rights{1} << 13;               // version 2: rename from one directory to another
constexpr Rights truncate = Rights{1} << 14;            // version 3
constexpr Rights device_commands = Rights{1} << 15;     // version 5
constexpr std::uint64_t all_tcp = 3;                    // version 4: bind, connect
constexpr std::uint64_t all_scopes = 3;                 // version 6: abstract sockets, signals

constexpr Rights reading = LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR;
constexpr Rights writing = reading | LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_MAKE_REG |
                           LANDLOCK_ACCESS_FS_MAKE_DIR | LANDLOCK_ACCESS_FS_REMOVE_FILE |
                           LANDLOCK_ACCESS_FS_REMOVE_DIR | refer | truncate;
constexpr Rights of_one_file = LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_WRITE_FILE | truncate;

// As in <linux/landlock.h> of Linux 6.12. Kernels that know less of it take it as long as the rest is zero.
struct Attributes {
  Rights files = 0;
  std::uint64_t network = 0;
  std::uint64_t scopes = 0;
};

Attributes attributes_of(int version) {
  Attributes known;
  known.files = first_rights;
  if (version >= 2) known.files |= refer;
  if (version >= 3) known.files |= truncate;
  if (version >= 4) known.network = all_tcp;
  if (version >= 5) known.files |= device_commands;
  if (version >= 6) known.scopes = all_scopes;
  return known;
}

}  // namespace

int landlock_version() {
  const long version = syscall(SYS_landlock_create_ruleset, nullptr, std::size_t{0}, LANDLOCK_CREATE_RULESET_VERSION);
  return static_cast<int>(std::max(version, 0L));
}

Ruleset::Ruleset(int version) {
  const Attributes known = attributes_of(version);
  known_ = known.files;
  rules_ = loop::UniqueFd(static_cast<int>(syscall(SYS_landlock_create_ruleset, &known, sizeof known, 0U)));
}

bool Ruleset::allow_reading(const std::string& path) {
  return allow(path, reading);
}

bool Ruleset::allow_writing(const std::string& path) {
  return allow(path, writing);
}

bool Ruleset::allow(const std::string& path, std::uint64_t rights) {
  const loop::UniqueFd fd(open(path.c_str(), O_PATH | O_CLOEXEC));
  struct stat status {};
  if (!fd || fstat(fd.get(), &status) != 0) return false;
  if (!S_ISDIR(status.st_mode)) rights &= of_one_file;
  landlock_path_beneath_attr rule{};
  rule.allowed_access = rights & known_;
  rule.parent_fd = fd.get();
  return syscall(SYS_landlock_add_rule, rules_.get(), LANDLOCK_RULE_PATH_BENEATH, &rule, 0U) == 0;
}

bool Ruleset::enforce() const {
  return syscall(SYS_landlock_restrict_self, rules_.get(), 0U) == 0;
}

}  // namespace convd::office
