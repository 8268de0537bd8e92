#include "convd/trust/audit_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>
#include <utility>

namespace convd::trust {
namespace {

using shared::Error;
using shared::ErrorCode;
using shared::Result;

std::string reason(int number) {
  return std::generic_category().message(number);
}

Error unusable(const std::string& path, const std::string& why) {
  return {ErrorCode::invalid_option, "audit_log: " + path + " " + why, {}};
}

// A line that was cut when the disk was full or the process was killed within it.
bool ends_within_a_line(int fd) {
  struct stat found {};
  char last = '\n';
  return ::fstat(fd, &found) == 0 && found.st_size > 0 && ::pread(fd, &last, 1, found.st_size - 1) == 1 && last != '\n';
}

// O_NONBLOCK, so that a pipe without a reader is refused here and does not wait.
Result<loop::UniqueFd> open_file(const std::string& path) {
  loop::UniqueFd fd(::open(path.c_str(), O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, 0600));
  if (!fd) return unusable(path, "cannot be opened: " + reason(errno));
  struct stat found {};
  if (::fstat(fd.get(), &found) != 0 || !S_ISREG(found.st_mode)) return unusable(path, "is no regular file");
  return fd;
}

}  // namespace

AuditFile::AuditFile(std::string path, loop::UniqueFd fd)
    : path_(std::move(path)), fd_(std::move(fd)), torn_(ends_within_a_line(fd_.get())) {}

Result<AuditFile> AuditFile::open(const std::string& path) {
  auto fd = open_file(path);
  if (!fd) return fd.error();
  return AuditFile(path, *std::move(fd));
}

Result<void> AuditFile::append(std::string_view line) {
  const std::string whole = (torn_ ? "\n" : "") + std::string(line);
  ssize_t size = -1;
  do size = ::write(fd_.get(), whole.data(), whole.size());
  while (size < 0 && errno == EINTR);
  if (size == static_cast<ssize_t>(whole.size())) {
    torn_ = false;
    return {};
  }
  const std::string why = size < 0 ? reason(errno) : "it took a part of a line only";
  if (size > 0) torn_ = whole[static_cast<std::size_t>(size) - 1] != '\n';
  return Error{ErrorCode::unavailable, "audit_log: " + path_ + ": " + why, {}};
}

Result<void> AuditFile::reopen() {
  auto fd = open_file(path_);
  if (!fd) return fd.error();
  fd_ = *std::move(fd);
  torn_ = ends_within_a_line(fd_.get());
  return {};
}

}  // namespace convd::trust
