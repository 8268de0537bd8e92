#include "convd/process/font_set.h"

#include <dirent.h>
#include <sys/stat.h>

#include <algorithm>
#include <memory>

namespace convd::process {
namespace {

constexpr int deepest = 8;

std::int64_t changed_ns(const struct stat& facts) {
  return std::int64_t{facts.st_mtim.tv_sec} * 1'000'000'000 + facts.st_mtim.tv_nsec;
}

// FNV-1a: against accidents, not against anybody.
class Stamp {
 public:
  void add(const std::string& text) {
    for (const char c : text) value_ = (value_ ^ static_cast<unsigned char>(c)) * 0x100000001b3U;
    value_ = (value_ ^ 0xffU) * 0x100000001b3U;
  }
  std::string text() const { return std::to_string(value_); }

 private:
  std::uint64_t value_ = 0xcbf29ce484222325U;
};

struct File {
  std::string path;
  std::int64_t size_bytes;
  std::int64_t changed_ns;
};

// In any order.
void walk(const std::string& path, int depth, std::vector<File>& files, std::vector<FontSet::Directory>& directories) {
  struct stat own {};
  if (::stat(path.c_str(), &own) != 0 || !S_ISDIR(own.st_mode)) return;
  directories.push_back({path, changed_ns(own)});
  const std::unique_ptr<DIR, int (*)(DIR*)> open(::opendir(path.c_str()), ::closedir);
  while (const dirent* entry = open ? ::readdir(open.get()) : nullptr) {
    const std::string name = entry->d_name;
    const std::string below = path + "/" + name;
    struct stat facts {};
    if (name == "." || name == ".." || ::lstat(below.c_str(), &facts) != 0) continue;
    if (S_ISDIR(facts.st_mode)) {
      if (depth < deepest) walk(below, depth + 1, files, directories);
    } else if (::stat(below.c_str(), &facts) == 0 && S_ISREG(facts.st_mode)) {
      files.push_back({below, facts.st_size, changed_ns(facts)});
    }
  }
}

}  // namespace

const std::vector<std::string>& font_directories() {
  static const std::vector<std::string> paths{"/usr/share/fonts", "/usr/local/share/fonts", "/etc/fonts"};
  return paths;
}

FontSet look_at_fonts(const std::vector<std::string>& roots) {
  FontSet fonts;
  std::vector<File> files;
  for (const std::string& root : roots) walk(root, 0, files, fonts.directories);
  std::sort(files.begin(), files.end(), [](const File& a, const File& b) { return a.path < b.path; });
  Stamp stamp;
  std::int64_t newest_ns = 0;
  for (const File& file : files) {
    stamp.add(file.path);
    stamp.add(std::to_string(file.size_bytes));
    stamp.add(std::to_string(file.changed_ns));
    newest_ns = std::max(newest_ns, file.changed_ns);
  }
  // A file that comes from a package is as old as the package; its directory knows when it came.
  for (const FontSet::Directory& directory : fonts.directories) newest_ns = std::max(newest_ns, directory.changed_ns);
  fonts.stamp = stamp.text();
  fonts.changed_ms = newest_ns / 1'000'000;
  return fonts;
}

bool directories_changed(const FontSet& fonts) {
  return std::any_of(fonts.directories.begin(), fonts.directories.end(), [](const FontSet::Directory& directory) {
    struct stat facts {};
    return ::stat(directory.path.c_str(), &facts) != 0 || changed_ns(facts) != directory.changed_ns;
  });
}

}  // namespace convd::process
