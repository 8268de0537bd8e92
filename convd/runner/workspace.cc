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
#include <limits>
#include <memory>

#include "shared/utf8.h"

namespace convd::runner {
namespace {

constexpr std::size_t most_name_bytes = 255;
constexpr std::size_t most_entries = 100'000;  // in one directory; more than any limit of a conversion

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

// The names in a directory, without "." and "..", at most `most`. Takes a descriptor that was opened for reading.
std::vector<std::string> names_in(loop::UniqueFd directory, std::size_t most) {
  std::vector<std::string> names;
  const std::unique_ptr<DIR, CloseDir> listing(directory ? fdopendir(directory.get()) : nullptr);
  if (!listing) return names;
  directory.release();  // closed with the listing
  while (const dirent* entry = readdir(listing.get())) {
    const std::string name = entry->d_name;
    if (name != "." && name != "..") names.push_back(name);
    if (names.size() >= most) break;
  }
  return names;
}

loop::UniqueFd open_directory(int parent, const char* name) {
  return loop::UniqueFd(openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
}

struct Bill {
  std::int64_t bytes = 0;
  std::int64_t entries = 0;
};

// Stops soon after the bill is over `most`. A tree deeper than any converter makes counts as over, and so does a
// directory that its maker has closed to us.
void count(const loop::UniqueFd& directory, const Bill& most, int depth, Bill& bill) {
  constexpr int most_depth = 32;
  const auto over = [&] { return bill.bytes > most.bytes || bill.entries > most.entries; };
  if (depth > most_depth || (!directory && errno == EACCES)) bill.entries = most.entries + 1;
  if (!directory || over()) return;
  const auto room = static_cast<std::size_t>(most.entries - bill.entries) + 1;
  for (const std::string& name : names_in(open_directory(directory.get(), "."), room)) {
    struct stat found {};
    if (fstatat(directory.get(), name.c_str(), &found, AT_SYMLINK_NOFOLLOW) != 0) continue;
    ++bill.entries;
    if (!S_ISDIR(found.st_mode))
      bill.bytes += found.st_size;
    else
      count(open_directory(directory.get(), name.c_str()), most, depth + 1, bill);
    if (over()) return;
  }
}

// Removes what it can; what lies in directories that are not empty is moved up to `root`, to be met there again. So no
// depth needs more than two descriptors or a path longer than two names. Returns how much was done.
std::size_t remove_round(int root, std::uint64_t& moved) {
  std::size_t done = 0;
  for (const std::string& name : names_in(open_directory(root, "."), most_entries)) {
    const bool gone = unlinkat(root, name.c_str(), 0) == 0 || unlinkat(root, name.c_str(), AT_REMOVEDIR) == 0;
    done += gone ? 1 : 0;
    if (gone) continue;
    // A job may have taken its own rights away.
    const auto inner =
        fchmodat(root, name.c_str(), 0700, 0) == 0 ? open_directory(root, name.c_str()) : loop::UniqueFd();
    for (const std::string& below : names_in(open_directory(inner.get(), "."), most_entries)) {
      const std::string up = ".moved-" + std::to_string(moved++);
      const bool left =
          unlinkat(inner.get(), below.c_str(), 0) == 0 || (fchmodat(inner.get(), below.c_str(), 0700, 0) == 0 &&
                                                           renameat(inner.get(), below.c_str(), root, up.c_str()) == 0);
      done += left ? 1 : 0;
    }
  }
  return done;
}

bool make_directory(const std::string& path, mode_t mode, uid_t owner) {
  if (mkdir(path.c_str(), mode) != 0 || chmod(path.c_str(), mode) != 0) return false;
  return owner == static_cast<uid_t>(-1) || lchown(path.c_str(), owner, owner) == 0;
}

}  // namespace

void remove_tree(const std::string& path) {
  const loop::UniqueFd root = open_directory(AT_FDCWD, path.c_str());
  std::uint64_t moved = 0;
  // What cannot be removed now goes at the next start.
  while (root && rmdir(path.c_str()) != 0 && remove_round(root.get(), moved) > 0) continue;
}

shared::Result<Workspace> Workspace::make(const std::string& path, uid_t owner, Owns owns) {
  if (!make_directory(path, 0700, owner)) return failure("workspace");
  const uid_t owner_of_in = owns == Owns::all ? owner : static_cast<uid_t>(-1);
  const bool made = make_directory(path + "/in", 0755, owner_of_in) && make_directory(path + "/out", 0700, owner) &&
                    make_directory(path + "/tmp", 0700, owner);
  loop::UniqueFd out(::open((path + "/out").c_str(), O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (made && out) return Workspace(path, std::move(out));
  const auto failed = failure("workspace");
  remove_tree(path);
  return failed;
}

Workspace::~Workspace() {
  if (out_) remove_tree(path_);
}

std::vector<process::OutputFile> Workspace::outputs() const {
  std::vector<process::OutputFile> files;
  for (std::string& name : names_in(open_directory(out_.get(), "."), most_entries)) {
    struct stat file {};
    if (!is_sane(name) || fstatat(out_.get(), name.c_str(), &file, AT_SYMLINK_NOFOLLOW) != 0) continue;
    if (is_deliverable(file)) files.push_back({std::move(name), file.st_size});
  }
  std::sort(files.begin(), files.end(), [](const auto& a, const auto& b) { return natural_less(a.name, b.name); });
  return files;
}

bool Workspace::exceeds(std::int64_t bytes, int entries) const {
  const Bill most{bytes > 0 ? bytes : std::numeric_limits<std::int64_t>::max(),
                  entries > 0 ? entries : static_cast<std::int64_t>(most_entries)};
  Bill bill;
  count(open_directory(out_.get(), "."), most, 0, bill);
  return bill.bytes > most.bytes || bill.entries > most.entries;
}

shared::Result<loop::UniqueFd> Workspace::open(const std::string& name) const {
  const shared::Error refused{shared::ErrorCode::not_found, "no such output", {}};
  if (!is_sane(name)) return refused;
  open_how how{};
  how.flags = O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK;
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS;
  loop::UniqueFd file(static_cast<int>(syscall(SYS_openat2, out_.get(), name.c_str(), &how, sizeof how)));
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
