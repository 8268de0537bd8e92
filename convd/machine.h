#pragma once
// The machine as the doctor sees it: the disk below the state directory, fonts, listeners.

#include <string>
#include <string_view>
#include <vector>

#include "convd/api/host.h"

namespace convd {

// Loop thread only.
class Machine final : public api::Host {
 public:
  explicit Machine(const std::string& state_dir) { facts_.state_dir = state_dir; }

  void listens_on(const std::string& name) { facts_.listening.push_back(name); }
  // The sockets came from systemd: which of the configured addresses are not among them? Returns these.
  const std::vector<std::string>& compare_with(const std::vector<std::string>& configured);

  api::HostFacts look() const override;

 private:
  api::HostFacts facts_;
};

// Font files below these directories; ends at `most`, and after a bounded number of entries.
int count_fonts(const std::vector<std::string>& directories, int most);

struct FileSystem {
  std::string name;
  api::StorageKind kind = api::StorageKind::local;
};
// By the f_type of statfs(2).
FileSystem file_system_of(long type);

}  // namespace convd
