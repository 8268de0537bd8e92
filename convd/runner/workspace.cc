#include "convd/runner/workspace.h"

#include <dirent.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <memory>
#include <system_error>

#include "shared/utf8.h"

namespace convd::runner {
namespace {

constexpr std::size_t most_name_bytes = 255;

shared::Error failure(const std::string& what) {
  const auto code = errno == ENOSPC ? shared::ErrorCode::disk_full : shared::ErrorCode::unavailable;
  return {code, what + ": " + std::strerror(errno), {}};
}

bool is_sane(const std::string& name) {
  const auto plain = [](unsigned char c) { return c >= 0x20 && c != 0x7F && c != '/'; };
  return !name.empty() && name.size() <= most_name_bytes && name != "." && name != ".." && shared::is_utf8(name) &&
         std::all_of(name.begin(), name.end(), plain);
}

bool is_deliverable(const struct stat& file) {
  return S_ISREG(file.st_mode) && file.st_nlink == 1;
}

struct CloseDir {
  void operator()(DIR* directory) const { closedir(directory); }
};

}  // namespace

shared::Result<Workspace> Workspace::make(const std::string& path, uid_t owner) {
  // Bubblewrap enters it before it becomes the owner, without the rights of root by then.
  const mode_t mode = owner == static_cast<uid_t>(-1) ? 0700 : 0711;
  if (mkdir(path.c_str(), mode) != 0 || chmod(path.c_str(), mode) != 0) return failure("workspace");
  loop::UniqueFd directory(::open(path.c_str(), O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!directory) return failure("workspace");
  if (owner != static_cast<uid_t>(-1) && lchown(path.c_str(), owner, owner) != 0) return failure("workspace");
  return Workspace(path, std::move(directory));
}

Workspace::~Workspace() {
  std::error_code ignored;  // what cannot be removed now goes at the next start
  if (directory_) std::filesystem::remove_all(path_, ignored);
}

std::vector<process::OutputFile> Workspace::outputs() const {
  std::vector<process::OutputFile> files;
  const int fd = openat(directory_.get(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  const std::unique_ptr<DIR, CloseDir> listing(fd < 0 ? nullptr : fdopendir(fd));
  if (!listing) return files;
  while (const dirent* entry = readdir(listing.get())) {
    struct stat file {};
    if (!is_sane(entry->d_name) || fstatat(directory_.get(), entry->d_name, &file, AT_SYMLINK_NOFOLLOW) != 0) continue;
    if (is_deliverable(file)) files.push_back({entry->d_name, file.st_size});
  }
  std::sort(files.begin(), files.end(), [](const auto& a, const auto& b) { return natural_less(a.name, b.name); });
  return files;
}

shared::Result<loop::UniqueFd> Workspace::open(const std::string& name) const {
  const shared::Error refused{shared::ErrorCode::not_found, "no such output", {}};
  if (!is_sane(name)) return refused;
  open_how how{};
  how.flags = O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK;
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS;
  loop::UniqueFd file(static_cast<int>(syscall(SYS_openat2, directory_.get(), name.c_str(), &how, sizeof how)));
  struct stat found {};
  if (!file || fstat(file.get(), &found) != 0 || !is_deliverable(found)) return refused;
  // The next step may run as another user and reads it through this descriptor.
  if (fchmod(file.get(), 0644) != 0) return refused;
  return file;
}

bool natural_less(const std::string& a, const std::string& b) {
  const auto digit = [](char c) { return std::isdigit(static_cast<unsigned char>(c)) != 0; };
  std::size_t i = 0;
  std::size_t j = 0;
  while (i < a.size() && j < b.size()) {
    if (!digit(a[i]) || !digit(b[j])) {
      if (a[i] != b[j]) return a[i] < b[j];
      ++i;
      ++j;
      continue;
    }
    const auto number = [&](const std::string& text, std::size_t& at) {
      while (at < text.size() && text[at] == '0') ++at;
      const std::size_t start = at;
      while (at < text.size() && digit(text[at])) ++at;
      return text.substr(start, at - start);
    };
    const std::string one = number(a, i);
    const std::string other = number(b, j);
    if (one.size() != other.size()) return one.size() < other.size();
    if (one != other) return one < other;
  }
  return a.size() - i < b.size() - j || (a.size() - i == b.size() - j && a < b);
}

}  // namespace convd::runner
