#include "convd/store/verified.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <string_view>
#include <vector>

#include "convd/store/file_io.h"
#include "convd/store/log.h"

namespace convd::store {
namespace {

// Some tens of milliseconds of the file thread, which others wait for.
constexpr std::int64_t slice_bytes = 16 << 20;

std::int64_t modified_ns(const struct stat& facts) {
  return static_cast<std::int64_t>(facts.st_mtim.tv_sec) * 1'000'000'000 + facts.st_mtim.tv_nsec;
}

}  // namespace

std::optional<Verdict> Verified::verdict_of(int fd, const std::string& sha256) const {
  struct stat facts {};
  if (::fstat(fd, &facts) != 0) return std::nullopt;
  const std::lock_guard lock(mutex_);
  const auto found = entries_.find({facts.st_dev, facts.st_ino});
  if (found == entries_.end()) return std::nullopt;
  const Entry& entry = found->second;
  const bool same =
      entry.size_bytes == facts.st_size && entry.modified_ns == modified_ns(facts) && entry.sha256 == sha256;
  return same ? std::optional(entry.verdict) : std::nullopt;
}

void Verified::remember(int fd, const std::string& sha256, Verdict verdict) {
  struct stat facts {};
  if (::fstat(fd, &facts) != 0) return;
  const Key key{facts.st_dev, facts.st_ino};
  const std::lock_guard lock(mutex_);
  const auto [place, is_new] =
      entries_.insert_or_assign(key, Entry{facts.st_size, modified_ns(facts), sha256, verdict});
  if (!is_new) return;
  order_.push_back(key);
  if (order_.size() <= most_files) return;
  entries_.erase(order_.front());
  order_.pop_front();
}

std::optional<Verdict> Verification::step(Verified& verified) {
  // Another request may have had it read meanwhile.
  if (offset_ == 0) {
    if (const auto known = verified.verdict_of(fd_, sha256_)) return known;
  }
  std::vector<char> buffer(copy_chunk_bytes);
  const std::int64_t end = offset_ + slice_bytes;
  while (offset_ < end) {
    const ssize_t got = ::pread(fd_, buffer.data(), buffer.size(), offset_);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) {
      log()->error("a result cannot be read: {}", io_error("read a result", errno).message);
      return Verdict::damaged;
    }
    if (got == 0) {
      const Verdict verdict = digest_.finish() == sha256_ ? Verdict::good : Verdict::damaged;
      verified.remember(fd_, sha256_, verdict);
      return verdict;
    }
    digest_.update({buffer.data(), static_cast<std::size_t>(got)});
    offset_ += got;
  }
  return std::nullopt;
}

}  // namespace convd::store
