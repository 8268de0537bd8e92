#include "convd/store/directory_walk.h"

#include <string_view>

namespace convd::store {

std::vector<std::string> DirectoryWalk::next(std::size_t most) {
  if (!begun_) directory_.reset(::opendir(path_.c_str()));
  begun_ = true;
  std::vector<std::string> names;
  while (directory_ && names.size() < most) {
    const dirent* entry = ::readdir(directory_.get());
    if (entry == nullptr) {
      directory_.reset();
      break;
    }
    const std::string_view name = entry->d_name;
    if (name != "." && name != "..") names.emplace_back(name);
  }
  return names;
}

}  // namespace convd::store
