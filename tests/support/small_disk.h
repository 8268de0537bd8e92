#pragma once
// A file system of a few megabytes; only root can have one.

#include <sys/mount.h>

#include <string>

#include "tests/support/temp_directory.h"

namespace tests {

class SmallDisk {
 public:
  explicit SmallDisk(int mebibytes = 1, const std::string& further_options = "")
      : mounted_(::mount("tmpfs", directory_.path().c_str(), "tmpfs", 0,
                         ("size=" + std::to_string(mebibytes) + "m" + further_options).c_str()) == 0) {}
  SmallDisk(const SmallDisk&) = delete;
  SmallDisk& operator=(const SmallDisk&) = delete;
  ~SmallDisk() {
    if (mounted_) ::umount2(directory_.path().c_str(), MNT_DETACH);
  }

  bool mounted() const { return mounted_; }
  const std::string& path() const { return directory_.path(); }

 private:
  TempDirectory directory_;
  bool mounted_;
};

}  // namespace tests
