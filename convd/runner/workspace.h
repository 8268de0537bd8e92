#pragma once
// The directory a child writes its results to, and taking them from it without trusting what it put there.

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <vector>

#include "convd/loop/unique_fd.h"
#include "convd/process/spawner.h"
#include "shared/result.h"

namespace convd::runner {

// Removed with the object.
class Workspace {
 public:
  // Makes `path` for `owner`, or for ourselves when that is -1; nobody else can list it. Errors: unavailable, disk_full.
  static shared::Result<Workspace> make(const std::string& path, uid_t owner);
  Workspace(Workspace&& other) noexcept = default;
  Workspace& operator=(Workspace&&) = delete;
  ~Workspace();

  int directory() const { return directory_.get(); }  // O_PATH
  // Regular files with one link and a sane name, in natural order. Whatever else lies there is left out.
  std::vector<process::OutputFile> outputs() const;
  // Errors: not_found for what outputs() would not list.
  shared::Result<loop::UniqueFd> open(const std::string& name) const;

 private:
  Workspace(std::string path, loop::UniqueFd directory) : path_(std::move(path)), directory_(std::move(directory)) {}
  std::string path_;
  loop::UniqueFd directory_;
};

// Whether `a` comes before `b`: digits compare as numbers ("page-9" before "page-10").
bool natural_less(const std::string& a, const std::string& b);

}  // namespace convd::runner
