#include "convd/store/zip.h"

#include <archive.h>
#include <archive_entry.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cerrno>
#include <clocale>
#include <memory>
#include <string_view>

#include "convd/store/file_io.h"

namespace convd::store {
namespace {

constexpr std::array<std::string_view, 25> compressed_already{
    "png", "jpg", "jpeg", "webp", "gif", "heic", "avif", "zip", "gz",   "docx", "xlsx", "pptx", "odt",
    "ods", "odp", "epub", "mp3",  "m4a", "ogg",  "flac", "mp4", "webm", "mov",  "mkv",  "jxl"};

bool is_compressed(std::string_view name) {
  const auto dot = name.rfind('.');
  if (dot == std::string_view::npos) return false;
  std::string extension(name.substr(dot + 1));
  std::transform(extension.begin(), extension.end(), extension.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return std::find(compressed_already.begin(), compressed_already.end(), extension) != compressed_already.end();
}

// libarchive takes names in the thread's locale and marks them as UTF-8 only when that is UTF-8.
class Utf8Locale {
 public:
  Utf8Locale()
      : locale_(newlocale(LC_CTYPE_MASK, "C.UTF-8", nullptr)),
        before_(locale_ == nullptr ? nullptr : uselocale(locale_)) {}
  Utf8Locale(const Utf8Locale&) = delete;
  Utf8Locale& operator=(const Utf8Locale&) = delete;
  ~Utf8Locale() {
    if (locale_ == nullptr) return;
    uselocale(before_);
    freelocale(locale_);
  }

 private:
  locale_t locale_;
  locale_t before_;
};

struct FreeArchive {
  void operator()(archive* handle) const noexcept { archive_write_free(handle); }
};
struct FreeEntry {
  void operator()(archive_entry* entry) const noexcept { archive_entry_free(entry); }
};
using Archive = std::unique_ptr<archive, FreeArchive>;

shared::Result<void> checked(archive* handle, la_ssize_t outcome) {
  if (outcome >= ARCHIVE_OK) return {};
  if (archive_errno(handle) == ENOSPC || archive_errno(handle) == EDQUOT)
    return io_error("write a zip", archive_errno(handle));
  const char* evidence = archive_error_string(handle);
  return shared::Error{shared::ErrorCode::unavailable, "The results could not be put into a zip.",
                       evidence == nullptr ? "" : evidence};
}

shared::Result<void> write_header(archive* handle, const ZipMember& member) {
  struct stat facts {};
  if (::fstat(member.fd.get(), &facts) != 0) return io_error("look at a result", errno);
  const std::unique_ptr<archive_entry, FreeEntry> entry(archive_entry_new());
  archive_entry_set_pathname(entry.get(), member.name.c_str());
  archive_entry_set_size(entry.get(), facts.st_size);
  archive_entry_set_mtime(entry.get(), facts.st_mtime, 0);
  archive_entry_set_filetype(entry.get(), AE_IFREG);
  archive_entry_set_perm(entry.get(), 0644);
  const int chosen = is_compressed(member.name) ? archive_write_zip_set_compression_store(handle)
                                                : archive_write_zip_set_compression_deflate(handle);
  if (auto set = checked(handle, chosen); !set) return set;
  return checked(handle, archive_write_header(handle, entry.get()));
}

shared::Result<void> write_member(archive* handle, const ZipMember& member) {
  if (auto header = write_header(handle, member); !header) return header;
  std::vector<char> buffer(copy_chunk_bytes);
  for (off_t offset = 0;;) {
    const ssize_t got = ::pread(member.fd.get(), buffer.data(), buffer.size(), offset);
    if (got < 0) return io_error("read a result", errno);
    if (got == 0) return {};
    if (auto put = checked(handle, archive_write_data(handle, buffer.data(), static_cast<std::size_t>(got))); !put)
      return put;
    offset += got;
  }
}

}  // namespace

shared::Result<void> write_zip(int target, const std::vector<ZipMember>& members) {
  const Utf8Locale names_are_utf8;
  const Archive handle(archive_write_new());
  if (auto format = checked(handle.get(), archive_write_set_format_zip(handle.get())); !format) return format;
  if (auto opened = checked(handle.get(), archive_write_open_fd(handle.get(), target)); !opened) return opened;
  for (const ZipMember& member : members) {
    if (auto written = write_member(handle.get(), member); !written) return written;
  }
  return checked(handle.get(), archive_write_close(handle.get()));
}

}  // namespace convd::store
