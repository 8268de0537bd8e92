#pragma once
// Whether a stored file still is what was published: compared once with its digest, then remembered by what the file
// system says of it.

#include <sys/types.h>

#include <cstdint>
#include <deque>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <utility>

#include "convd/store/sha256.h"
#include "shared/result.h"

namespace convd::store {

enum class Verdict : std::uint8_t { good, damaged };

// What was found in this run of the daemon, of the newest files looked at. A file that was written to since, or is
// another one under that name, is not known. Any thread.
class Verified {
 public:
  static constexpr std::size_t most_files = 65'536;

  std::optional<Verdict> verdict_of(int fd, const std::string& sha256) const;
  void remember(int fd, const std::string& sha256, Verdict verdict);

 private:
  using Key = std::pair<dev_t, ino_t>;
  struct Entry {
    std::int64_t size_bytes = 0;
    std::int64_t modified_ns = 0;
    std::string sha256;
    Verdict verdict = Verdict::good;
  };
  mutable std::mutex mutex_;
  std::map<Key, Entry> entries_;  // guarded by mutex_
  std::deque<Key> order_;         // guarded by mutex_; the oldest first
};

// Reads one file through, a slice at a time. May block; one thread at a time.
class Verification {
 public:
  // `fd` stays open meanwhile.
  Verification(int fd, std::string sha256) : fd_(fd), sha256_(std::move(sha256)) {}

  // Reads on. The verdict at the end, which `verified` then knows. A file that cannot be read is damaged.
  std::optional<Verdict> step(Verified& verified);

 private:
  int fd_;
  std::string sha256_;
  Sha256 digest_;
  std::int64_t offset_ = 0;
};

}  // namespace convd::store
