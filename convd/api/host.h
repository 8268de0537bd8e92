#pragma once
// What the API has to know of the machine it runs on: for the doctor only. A fake in tests.

#include <cstdint>
#include <string>
#include <vector>

namespace convd::api {

enum class StorageKind : std::uint8_t {
  local,
  memory,  // gone with the machine's power
  remote,  // locks and fsync are another machine's, or a program's
};

struct HostFacts {
  std::string state_dir;
  std::string file_system;  // below the state directory: "ext4", "nfs"
  StorageKind storage = StorageKind::local;
  std::int64_t free_bytes = 0;  // there
  int fonts = 0;                // files; counting ends at `most_fonts`
  std::vector<std::string> listening;
  std::vector<std::string> not_listening;  // configured, but systemd has given other sockets
};

inline constexpr int most_fonts = 100;

class Host {
 public:
  virtual ~Host() = default;
  // A few system calls, bounded. Loop thread only.
  virtual HostFacts look() const = 0;
};

}  // namespace convd::api
