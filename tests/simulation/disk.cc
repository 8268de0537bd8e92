#include "tests/simulation/disk.h"

#include <dirent.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <filesystem>
#include <fstream>
#include <stdexcept>

namespace simulation {
namespace {

namespace fs = std::filesystem;

Disk* the_disk = nullptr;  // the one that the calls of this program reach

}  // namespace

Disk::Disk(Dice& dice) : dice_(dice) {
  std::string name = "/dev/shm/convd-simulation-XXXXXX";
  if (::access("/dev/shm", W_OK) != 0) name = (fs::temp_directory_path() / "convd-simulation-XXXXXX").string();
  if (::mkdtemp(name.data()) == nullptr) throw std::runtime_error("no directory for the files of a simulation");
  root_ = name;
  the_disk = this;
}

Disk::~Disk() {
  the_disk = nullptr;
  std::error_code ignored;
  fs::remove_all(root_, ignored);
}

void Disk::fail(int error_number, int per_mille) {
  error_number_ = error_number;
  error_per_mille_ = per_mille;
}

int Disk::synced(int fd) {
  if (full_ || (error_number_ != 0 && dice_.chance(error_per_mille_))) {
    ++failed_;
    return full_ ? ENOSPC : error_number_;
  }
  struct stat facts {};
  if (::fstat(fd, &facts) != 0) return errno;
  if (!S_ISDIR(facts.st_mode)) {
    files_[facts.st_ino] = facts.st_size;
    return 0;
  }
  std::array<char, 512> path{};
  const std::string link = "/proc/self/fd/" + std::to_string(fd);
  const auto length = ::readlink(link.c_str(), path.data(), path.size());
  if (length <= 0) return EIO;
  const std::string name(path.data(), static_cast<std::size_t>(length));
  if (name.starts_with(root_)) directories_[name] = entries_of(name);
  return 0;
}

Disk::Entries Disk::entries_of(const std::string& path) const {
  Entries entries;
  DIR* directory = ::opendir(path.c_str());
  if (directory == nullptr) return entries;
  while (const dirent* entry = ::readdir(directory)) {
    if (entry->d_name[0] != '.' || std::string(entry->d_name).size() > 2) entries[entry->d_name] = entry->d_ino;
  }
  ::closedir(directory);
  return entries;
}

void Disk::power_cut() {
  cut(root_);
  // Nothing is on its way any more: what is there now has survived.
  directories_.clear();
  files_.clear();
  forget(root_);
}

void Disk::cut(const std::string& path) {
  const Entries synced = directories_[path];
  for (const auto& [name, inode] : entries_of(path)) {
    const std::string entry = path + "/" + name;
    const auto kept = synced.find(name);
    const bool is_durable = kept != synced.end() && kept->second == inode;
    // The directories of the state itself are made and brought to the disk before anything is accepted.
    if (!is_durable && path != root_ && dice_.chance(500)) {
      fs::remove_all(entry);
      continue;
    }
    if (fs::is_symlink(entry)) continue;
    if (fs::is_directory(entry)) {
      cut(entry);
      continue;
    }
    const auto bytes = static_cast<std::int64_t>(fs::file_size(entry));
    const auto durable = files_.find(inode);
    const std::int64_t least = durable == files_.end() ? 0 : std::min(durable->second, bytes);
    if (least < bytes) fs::resize_file(entry, static_cast<std::uintmax_t>(dice_.between(least, bytes)));
  }
}

void Disk::forget(const std::string& path) {
  const Entries entries = entries_of(path);
  directories_[path] = entries;
  for (const auto& [name, inode] : entries) {
    const std::string entry = path + "/" + name;
    if (fs::is_symlink(entry)) continue;
    if (fs::is_directory(entry)) {
      forget(entry);
    } else {
      files_[inode] = static_cast<std::int64_t>(fs::file_size(entry));
    }
  }
}

void Disk::litter(const std::string& id, const std::string& sha256) {
  std::ofstream(root_ + "/incoming/" + id) << "half an upl";
  std::error_code ignored;
  fs::create_directory(root_ + "/results/" + id, ignored);
  std::ofstream(root_ + "/results/" + id + "/half.pdf") << "half a res";
  const std::string prefix = root_ + "/blobs/" + sha256.substr(0, 2);
  fs::create_directory(prefix, ignored);
  std::ofstream(prefix + "/" + sha256) << "nobody names this";
}

}  // namespace simulation

// In place of the C library's, for everything that is linked into this program.
extern "C" int fsync(int fd) {
  const int error_number = simulation::the_disk == nullptr ? 0 : simulation::the_disk->synced(fd);
  if (error_number == 0) return 0;
  errno = error_number;
  return -1;
}

extern "C" int statvfs(const char*, struct statvfs* facts) noexcept {
  *facts = {};
  facts->f_frsize = 4096;
  facts->f_bavail = simulation::the_disk != nullptr && simulation::the_disk->is_full() ? 0 : 1 << 24;
  return 0;
}
