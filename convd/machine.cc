#include "convd/machine.h"

#include <linux/magic.h>
#include <sys/vfs.h>

#include <algorithm>
#include <filesystem>
#include <system_error>

namespace convd {
namespace {

using api::StorageKind;

constexpr int most_entries = 5'000;
// What the sandbox shows to the engines.
const std::vector<std::string> font_directories{"/usr/share/fonts", "/usr/local/share/fonts"};

struct Row {
  unsigned long type;
  std::string_view name;
  StorageKind kind;
};

// Those without a name in linux/magic.h are by number.
constexpr Row rows[] = {
    {EXT4_SUPER_MAGIC, "ext4", StorageKind::local},    {XFS_SUPER_MAGIC, "xfs", StorageKind::local},
    {BTRFS_SUPER_MAGIC, "btrfs", StorageKind::local},  {F2FS_SUPER_MAGIC, "f2fs", StorageKind::local},
    {0x2fc12fc1, "zfs", StorageKind::local},           {OVERLAYFS_SUPER_MAGIC, "overlayfs", StorageKind::local},
    {TMPFS_MAGIC, "tmpfs", StorageKind::memory},       {RAMFS_MAGIC, "ramfs", StorageKind::memory},
    {NFS_SUPER_MAGIC, "nfs", StorageKind::remote},     {SMB_SUPER_MAGIC, "smb", StorageKind::remote},
    {CIFS_SUPER_MAGIC, "cifs", StorageKind::remote},   {SMB2_SUPER_MAGIC, "smb2", StorageKind::remote},
    {CEPH_SUPER_MAGIC, "ceph", StorageKind::remote},   {AFS_SUPER_MAGIC, "afs", StorageKind::remote},
    {AFS_FS_MAGIC, "afs", StorageKind::remote},        {V9FS_MAGIC, "9p", StorageKind::remote},
    {CODA_SUPER_MAGIC, "coda", StorageKind::remote},   {FUSE_SUPER_MAGIC, "fuse", StorageKind::remote},
    {OCFS2_SUPER_MAGIC, "ocfs2", StorageKind::remote}, {0x01161970, "gfs2", StorageKind::remote},
    {0x0bd00bd0, "lustre", StorageKind::remote},       {0x47504653, "gpfs", StorageKind::remote},
};

bool is_font(const std::filesystem::path& path) {
  const std::string extension = path.extension();
  constexpr std::string_view known[] = {".ttf", ".otf", ".ttc", ".TTF", ".OTF", ".pfb", ".t1"};
  return std::find(std::begin(known), std::end(known), extension) != std::end(known);
}

// The name getsockname() gives.
std::string spelled_out(const std::string& address) {
  constexpr std::string_view name = "localhost:";
  return address.starts_with(name) ? "127.0.0.1:" + address.substr(name.size()) : address;
}

}  // namespace

const std::vector<std::string>& Machine::compare_with(const std::vector<std::string>& configured) {
  const auto& served = facts_.listening;
  for (const std::string& address : configured) {
    if (std::find(served.begin(), served.end(), spelled_out(address)) == served.end())
      facts_.not_listening.push_back(address);
  }
  return facts_.not_listening;
}

api::HostFacts Machine::look() const {
  api::HostFacts facts = facts_;
  struct statfs found {};
  if (::statfs(facts.state_dir.c_str(), &found) == 0) {
    const FileSystem file_system = file_system_of(static_cast<long>(found.f_type));
    facts.file_system = file_system.name;
    facts.storage = file_system.kind;
    facts.free_bytes = static_cast<std::int64_t>(found.f_bavail) * static_cast<std::int64_t>(found.f_bsize);
  }
  facts.fonts = count_fonts(font_directories, api::most_fonts);
  return facts;
}

int count_fonts(const std::vector<std::string>& directories, int most) {
  using Walk = std::filesystem::recursive_directory_iterator;
  int fonts = 0;
  int entries = 0;
  for (const std::string& directory : directories) {
    std::error_code failed;
    Walk entry(directory, std::filesystem::directory_options::skip_permission_denied, failed);
    for (; !failed && entry != Walk() && fonts < most && entries < most_entries; entry.increment(failed)) {
      ++entries;
      if (is_font(entry->path())) ++fonts;
    }
  }
  return fonts;
}

FileSystem file_system_of(long type) {
  for (const Row& row : rows) {
    if (row.type == static_cast<unsigned long>(type)) return {std::string(row.name), row.kind};
  }
  return {"a file system of type " + std::to_string(type), StorageKind::local};
}

}  // namespace convd
