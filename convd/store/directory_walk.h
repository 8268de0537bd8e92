#pragma once
// The names in a directory, some at a time.

#include <dirent.h>

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

namespace convd::store {

// What is added or removed meanwhile may be told or not. May block; one thread at a time.
class DirectoryWalk {
 public:
  // Opened by the first next(); one that cannot be opened is empty.
  explicit DirectoryWalk(std::string path) : path_(std::move(path)) {}

  // At most `most` names further; none at the end.
  std::vector<std::string> next(std::size_t most);

 private:
  struct Close {
    void operator()(DIR* directory) const { ::closedir(directory); }
  };
  std::string path_;
  bool begun_ = false;
  std::unique_ptr<DIR, Close> directory_;
};

}  // namespace convd::store
