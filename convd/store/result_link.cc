// A result under a second name.

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "convd/store/file_io.h"
#include "convd/store/files.h"
#include "convd/store/sha256.h"

namespace convd::store {
namespace {

using shared::Error;
using shared::ErrorCode;
using shared::Result;

Result<void> check(int fd, const std::string& name, const Published& expected) {
  struct stat facts {};
  if (::fstat(fd, &facts) != 0) return io_error("look at a file", errno);
  if (S_ISREG(facts.st_mode) && facts.st_size == expected.size_bytes) {
    const auto digest = sha256_of(fd);
    if (!digest) return digest.error();
    if (*digest == expected.sha256) return {};
  }
  return Error{ErrorCode::result_damaged, "The stored file \"" + name + "\" is not what was stored.", ""};
}

}  // namespace

// Linked before it is looked at: what has been looked at is then what has the new name.
Result<void> Files::link_result(const std::string& from, const std::string& file, const std::string& id,
                                const std::string& name, const Published& expected) {
  if (auto source = open_result(from, file); !source) return source.error();
  for (const std::string& word : {id, name}) {
    if (!is_file_name(word))
      return Error{ErrorCode::invalid_filename, "not the name of a stored file: \"" + word + "\"", ""};
  }
  const std::string directory = root_ + "/results/" + id;
  if (auto made = make_directory(directory); !made) return made.error();
  const std::string path = directory + "/" + name;
  if (::unlink(path.c_str()) != 0 && errno != ENOENT) return io_error("replace a file", errno);
  if (::link((root_ + "/results/" + from + "/" + file).c_str(), path.c_str()) != 0)
    return io_error("link a result", errno);
  const auto linked = open_result(id, name);
  auto outcome = linked ? check(linked->get(), name, expected) : Result<void>(linked.error());
  if (!outcome) ::unlink(path.c_str());
  return outcome;
}

}  // namespace convd::store
