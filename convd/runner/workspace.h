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

// What of a workspace belongs to the job's user: where it writes, or all of it, when it finds its own way in and copies
// the input itself.
enum class Owns : unsigned char { results, all };

// A directory with `in`, `out` and `tmp` in it. Removed with the object, when nothing of the child runs any more.
class Workspace {
 public:
  // Makes `path`, mode 0700. `owner` is the job's user, or -1. Errors: unavailable, disk_full.
  static shared::Result<Workspace> make(const std::string& path, uid_t owner, Owns owns = Owns::results);
  Workspace(Workspace&& other) noexcept = default;
  Workspace& operator=(Workspace&&) = delete;
  ~Workspace();

  const std::string& path() const { return path_; }
  std::string in() const { return path_ + "/in"; }
  std::string out() const { return path_ + "/out"; }
  std::string tmp() const { return path_ + "/tmp"; }
  // Regular files in out with one link and a sane name, in natural order. Whatever else lies there is left out.
  std::vector<process::OutputFile> outputs() const;
  // Whether out holds more bytes or more entries than allowed, counting everything at any depth. Zero: no such limit.
  bool exceeds(std::int64_t bytes, int entries) const;
  // Errors: not_found for what outputs() would not list.
  shared::Result<loop::UniqueFd> open(const std::string& name) const;

 private:
  Workspace(std::string path, loop::UniqueFd out) : path_(std::move(path)), out_(std::move(out)) {}
  std::string path_;
  loop::UniqueFd out_;  // empty in an object that was moved from
};

// Removes a directory with all its content, however deep that is; never follows a symbolic link.
void remove_tree(const std::string& path);

// Whether `a` comes before `b`: digits compare as numbers ("page-9" before "page-10").
bool natural_less(const std::string& a, const std::string& b);

}  // namespace convd::runner
