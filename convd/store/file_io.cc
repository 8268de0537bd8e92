#include "convd/store/file_io.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <system_error>
#include <vector>

#include "convd/loop/unique_fd.h"

namespace convd::store {
namespace {

using shared::ErrorCode;

constexpr std::int64_t write_back_bytes = 8 << 20;

// What the kernel answers when it cannot copy between these two by itself.
bool needs_buffer(int error_number) {
  return error_number == EXDEV || error_number == EINVAL || error_number == ENOSYS || error_number == EOPNOTSUPP ||
         error_number == EBADF || error_number == EPERM;
}

enum class Way : std::uint8_t { kernel, buffer };

// One step from `offset` on; returns the bytes copied, 0 at the end.
class Copier {
 public:
  Copier(int source, int target) : source_(source), target_(target) {}

  shared::Result<std::int64_t> step(std::int64_t offset) {
    if (way_ == Way::kernel) {
      off64_t from = offset;
      const ssize_t copied = ::copy_file_range(source_, &from, target_, nullptr, write_back_bytes, 0);
      if (copied > 0) return static_cast<std::int64_t>(copied);
      if (copied < 0 && !needs_buffer(errno)) return io_error("copy a file", errno);
      // Also after 0: some file systems answer that for files which have bytes.
      way_ = Way::buffer;
      buffer_.resize(copy_chunk_bytes);
    }
    const ssize_t got = ::pread(source_, buffer_.data(), buffer_.size(), offset);
    if (got < 0) return io_error("read a file to copy", errno);
    if (auto written = write_all(target_, {buffer_.data(), static_cast<std::size_t>(got)}); !written)
      return written.error();
    return static_cast<std::int64_t>(got);
  }

 private:
  int source_;
  int target_;
  Way way_ = Way::kernel;
  std::vector<char> buffer_;
};

}  // namespace

shared::Error io_error(std::string_view tried, int error_number) {
  const std::string what = "cannot " + std::string(tried) + ": " + std::generic_category().message(error_number);
  if (error_number == ENOSPC || error_number == EDQUOT) {
    return {ErrorCode::disk_full, "The disk that holds the state is full: free some space and try again.", what};
  }
  return {ErrorCode::unavailable, what, ""};
}

shared::Result<void> write_all(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t put = ::write(fd, bytes.data(), bytes.size());
    if (put < 0 && errno == EINTR) continue;
    if (put < 0) return io_error("write a file", errno);
    bytes.remove_prefix(static_cast<std::size_t>(put));
  }
  return {};
}

shared::Result<void> sync_file(int fd) {
  if (::fsync(fd) != 0) return io_error("bring a file to the disk", errno);
  return {};
}

shared::Result<void> sync_directory(const std::string& path) {
  const loop::UniqueFd fd(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd) return io_error("open a directory", errno);
  return sync_file(fd.get());
}

shared::Result<void> make_directory(const std::string& path) {
  if (::mkdir(path.c_str(), 0700) != 0 && errno != EEXIST) return io_error("make a directory", errno);
  return {};
}

shared::Result<std::int64_t> copy_all(int source, int target, std::int64_t most_bytes) {
  Copier copier(source, target);
  WriteBack write_back;
  std::int64_t size_bytes = 0;
  for (;;) {
    const auto copied = copier.step(size_bytes);
    if (!copied) return copied.error();
    if (*copied == 0) return size_bytes;
    size_bytes += *copied;
    if (size_bytes > most_bytes) {
      return shared::Error{ErrorCode::output_too_large,
                           "The result is larger than the limit of " + std::to_string(most_bytes) + " bytes.", ""};
    }
    write_back.written(target, size_bytes);
  }
}

void WriteBack::written(int fd, std::int64_t size_bytes) {
  if (size_bytes - started_bytes_ < write_back_bytes) return;
  // Advice only: the fsync that follows tells of errors.
  ::sync_file_range(fd, started_bytes_, size_bytes - started_bytes_, SYNC_FILE_RANGE_WRITE);
  started_bytes_ = size_bytes;
}

bool is_file_name(std::string_view name) {
  return !name.empty() && name.size() <= 255 && name != "." && name != ".." &&
         name.find_first_of(std::string_view("/\0", 2)) == std::string_view::npos;
}

}  // namespace convd::store
