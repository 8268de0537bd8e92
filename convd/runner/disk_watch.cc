#include "convd/runner/disk_watch.h"

#include <fcntl.h>
#include <sys/statvfs.h>

#include <cstdint>

namespace convd::runner {
namespace {

constexpr std::uint64_t too_little = 1 << 20;  // bytes: a program writes no more at once
constexpr std::uint64_t not_much = 256 << 20;  // bytes: gone within the long period at most
constexpr loop::milliseconds short_period{5};
constexpr loop::milliseconds long_period{100};

}  // namespace

DiskWatch::DiskWatch(loop::Loop& loop, const std::string& directory)
    : loop_(loop), directory_(::open(directory.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC)) {}

DiskWatch::Writer DiskWatch::writer() {
  if (writers_++ == 0) look();
  return {this, [this](const void*) {
            if (--writers_ == 0) next_.reset();
          }};
}

bool DiskWatch::was_full_since(loop::TimePoint since) {
  look();
  return last_full_ >= since;
}

void DiskWatch::look() {
  struct statvfs disk {};
  if (::fstatvfs(directory_.get(), &disk) != 0) return;
  const std::uint64_t room = std::uint64_t{disk.f_bavail} * disk.f_frsize;
  const bool no_files = disk.f_files > 0 && disk.f_favail == 0;
  if (no_files || room < too_little) last_full_ = loop_.now();
  if (writers_ > 0) next_ = loop_.after(room < not_much ? short_period : long_period, [this] { look(); });
}

}  // namespace convd::runner
