#pragma once
// The file side of the state directory: incoming uploads, input blobs, results.
//
//   incoming/<n>          uploads being received, swept at start
//   blobs/ab/<sha256>     input bytes by content, one copy however many documents and conversions use it
//   results/<id>/<name>   results of a conversion
//
// A blob is written in incoming/, fsynced, renamed and its directory fsynced. A result is written in its place, which
// nobody reads before its row is committed: fsync, then the directories. Whoever commits a row has published its files
// before. Blob and result files are mode 0644 in a 0700 directory: the runner's children read them through descriptors.

#include <cstdint>
#include <functional>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "convd/loop/unique_fd.h"
#include "shared/result.h"

namespace convd::store {

// An upload while it is received: hashed as it comes. Dropping it removes the file; keeping it, once it is published,
// keeps the blob. One thread at a time.
class Upload {
 public:
  Upload(loop::UniqueFd fd, std::string path);
  Upload(const Upload&) = delete;
  Upload& operator=(const Upload&) = delete;
  ~Upload();

  // Errors: disk_full, unavailable. Does not fsync; starts writing back every few MiB so that the later fsync is short.
  shared::Result<void> append(std::string_view bytes);
  std::int64_t size_bytes() const { return size_bytes_; }
  // After the last append: lower-case hex.
  const std::string& sha256();

 private:
  friend class Files;
  struct Hash;
  void discard();  // no more bytes; removes the file
  loop::UniqueFd fd_;
  std::string path_;
  std::unique_ptr<Hash> hash_;
  std::string digest_;
  std::shared_ptr<const void> hold_;
  std::int64_t size_bytes_ = 0;
};

struct Published {
  std::string sha256;
  std::int64_t size_bytes = 0;
};

// Marked [file] = may block, file thread only: that there is one makes it right to believe in what is found. Others any
// thread.
class Files {
 public:
  // Makes the directories (0700). Errors: unavailable with the path and errno.
  static shared::Result<Files> open(const std::string& state_dir);

  shared::Result<std::unique_ptr<Upload>> begin_upload();

  // [file] fsync and rename into blobs/ (no-op when the content is there already). The blob is not removed while the
  // upload lives.
  shared::Result<void> publish_blob(Upload& upload);
  // Errors: not_found, unavailable.
  shared::Result<loop::UniqueFd> open_blob(const std::string& sha256) const;
  // [file] Copies `source`, a regular file, from its start into results/<id>/<name> with fsync; an earlier one of that
  // name is replaced. Errors: output_too_large, disk_full, unavailable, invalid_filename (`name` is not one file's
  // name).
  shared::Result<Published> publish_result(const std::string& id, const std::string& name, int source,
                                           std::int64_t most_bytes);
  // [file] A zip (stored or deflated by media) of files already published under results/<id>.
  shared::Result<Published> publish_zip(const std::string& id, const std::string& name,
                                        const std::vector<std::string>& members);
  // [file] fsync of results/<id> and its parent: after this a row may name them.
  shared::Result<void> seal_results(const std::string& id);
  // Errors: result_gone when nothing of the conversion is stored, not_found when it has no such file, invalid_filename,
  // unavailable.
  shared::Result<loop::UniqueFd> open_result(const std::string& id, const std::string& name) const;
  // [file]
  void remove_results(const std::string& id);
  // May block, store thread only. Leaves a blob that an upload holds: its row is on the way.
  void remove_blob(const std::string& sha256);
  // [file] At start: empties incoming/, removes result directories and blobs for which `keep` says no. Returns how
  // many went.
  int sweep(const std::function<bool(std::string_view result_id)>& keep_result,
            const std::function<bool(std::string_view sha256)>& keep_blob);
  std::int64_t free_bytes() const;

 private:
  struct Held;
  std::shared_ptr<const void> hold(const std::string& sha256);
  explicit Files(std::string root);
  std::string root_;
  std::shared_ptr<Held> held_;
  std::set<std::string> durable_prefixes_;  // directories below blobs/ that a crash leaves in place
};

}  // namespace convd::store
