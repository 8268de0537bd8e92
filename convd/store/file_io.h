#pragma once
// System calls on files, with their failures as Results: disk_full when there is no room, unavailable otherwise.
// Messages name what was tried, never a path. May block.

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "shared/result.h"

namespace convd::store {

inline constexpr std::size_t copy_chunk_bytes = 256 << 10;

shared::Error io_error(std::string_view tried, int error_number);

shared::Result<void> write_all(int fd, std::string_view bytes);
shared::Result<void> sync_file(int fd);
shared::Result<void> sync_directory(const std::string& path);
// Mode 0700; fine when it is there already.
shared::Result<void> make_directory(const std::string& path);

// Copies a file from its start, in the kernel where the file systems can. Returns the size. Errors also:
// output_too_large as soon as there is more than `most_bytes`.
shared::Result<std::int64_t> copy_all(int source, int target, std::int64_t most_bytes);

// Starts writing back what has been written every few MiB, so that the fsync at the end finds little left to do.
class WriteBack {
 public:
  void written(int fd, std::int64_t size_bytes);

 private:
  std::int64_t started_bytes_ = 0;
};

// May be the name of one file in a directory: not empty, at most 255 bytes, no '/', no NUL, not "." or "..".
bool is_file_name(std::string_view name);

}  // namespace convd::store
