#pragma once
// The file side of the state directory: incoming uploads, input blobs, results.
//
//   incoming/<n>          uploads being received
//   blobs/ab/<sha256>     input bytes by content, one copy however many documents and conversions use it
//   results/<id>/<name>   results of a conversion
//   results/<id>.<n>/     what its attempt n has written so far
//   reserve               space to be given back when the disk is full
//
// A blob is written in incoming/, fsynced, renamed and its directory fsynced. Results are written and fsynced in a
// directory of their attempt's own, which becomes results/<id> when it is complete; an attempt that comes too late can
// touch nothing of a later one. Whoever commits a row has published its files before. Blob and result files are mode
// 0644 in a 0700 directory: the runner's children read them through descriptors.

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "convd/loop/unique_fd.h"
#include "convd/store/directory_walk.h"
#include "convd/store/reserve.h"
#include "convd/store/verified.h"
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

  // Errors: disk_full, unavailable, and those of the gate. Does not fsync; starts writing back every few MiB so that
  // the later fsync is short.
  shared::Result<void> append(std::string_view bytes);
  std::int64_t size_bytes() const { return size_bytes_; }
  // After the last append: lower-case hex.
  const std::string& sha256();

  // Asked before bytes are written, with how many there will be in all: what it refuses with, append() does. Lives as
  // long as the upload.
  using Gate = std::function<shared::Result<void>(std::int64_t size_bytes)>;
  void set_gate(Gate gate) { gate_ = std::move(gate); }

 private:
  friend class Files;
  struct Hash;
  void discard();  // no more bytes; removes the file
  loop::UniqueFd fd_;
  std::string path_;
  std::unique_ptr<Hash> hash_;
  std::string digest_;
  Gate gate_;
  std::shared_ptr<const void> place_;  // its name in incoming/ is taken while this lives
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

  // May block. fsync and rename into blobs/ (no-op when the content is there already). The blob is not removed while
  // the upload lives.
  shared::Result<void> publish_blob(Upload& upload);
  // Errors: not_found, unavailable.
  shared::Result<loop::UniqueFd> open_blob(const std::string& sha256) const;
  // May block. That the blob is there, and will be after a power cut: before a row names it that did not come with an
  // upload. What lies there may be what a failed publish_blob(), or a former process, has left without an fsync of its
  // name. Errors: not_found, disk_full, unavailable.
  shared::Result<void> confirm_blob(const std::string& sha256);
  // [file] Copies `source`, a regular file, from its start into results/<id>/<name> with fsync; an earlier one of that
  // name is replaced. Errors: output_too_large, disk_full, unavailable, invalid_filename (`name` is not one file's
  // name).
  shared::Result<Published> publish_result(const std::string& id, const std::string& name, int source,
                                           std::int64_t most_bytes);
  // [file] A zip (stored or deflated by media) of files already published under results/<id>.
  shared::Result<Published> publish_zip(const std::string& id, const std::string& name,
                                        const std::vector<std::string>& members);
  // [file] Makes results/<id>/<name> another name of results/<from>/<file>, once that has been found to be `expected`.
  // Not durable before seal_results(). Errors: result_gone, not_found, result_damaged, disk_full, unavailable,
  // invalid_filename.
  shared::Result<void> link_result(const std::string& from, const std::string& file, const std::string& id,
                                   const std::string& name, const Published& expected);
  // [file] fsync of results/<id> and its parent: after this a row may name them.
  shared::Result<void> seal_results(const std::string& id);
  // The name below results/ for what one attempt writes: the `id` for its publish_result() and publish_zip().
  static std::string run_name(const std::string& id, int attempt);
  static std::string conversion_of(const std::string& name);  // the id, of either kind of name below results/
  // [file] What the attempt has written becomes results/<id> in place of what an earlier one had sealed: after this a
  // row may name it. Errors: interrupted when an attempt as late has sealed its results already (this one's are gone
  // then), disk_full, unavailable, invalid_filename.
  shared::Result<void> seal_run(const std::string& id, int attempt);
  // [file] Removes what the attempt has left, and what it or an earlier one has sealed.
  void drop_run(const std::string& id, int attempt);
  // Errors: result_gone when nothing of the conversion is stored, not_found when it has no such file, invalid_filename,
  // unavailable.
  shared::Result<loop::UniqueFd> open_result(const std::string& id, const std::string& name) const;
  // [file]
  void remove_results(const std::string& id);
  // May block, store thread only. Leaves a blob that an upload holds: its row is on the way.
  void remove_blob(const std::string& sha256);
  // [file] Removes one file of incoming/ that no upload is writing; returns whether it was such a one.
  bool remove_incoming(const std::string& name);
  // What lies there; to be walked on the file thread. Blobs lie below a directory for each `prefix`; without one these
  // are named.
  DirectoryWalk walk_incoming() const { return DirectoryWalk(root_ + "/incoming"); }
  DirectoryWalk walk_results() const { return DirectoryWalk(root_ + "/results"); }
  DirectoryWalk walk_blobs(const std::string& prefix = {}) const { return DirectoryWalk(root_ + "/blobs/" + prefix); }
  std::int64_t free_bytes() const;
  // How many (inodes) there can be; `all` is 0 where the file system has no number for that.
  struct FileRoom {
    std::int64_t free = 0;
    std::int64_t all = 0;
  };
  FileRoom file_room() const;
  Reserve& reserve() { return *reserve_; }
  const Reserve& reserve() const { return *reserve_; }
  Verified& verified() { return *verified_; }

 private:
  struct Held;
  shared::Result<void> make_durable(const std::string& sha256);
  std::shared_ptr<const void> hold(const std::string& sha256);
  explicit Files(std::string root);
  std::string root_;
  std::shared_ptr<Held> held_;
  std::unique_ptr<Reserve> reserve_;
  std::unique_ptr<Verified> verified_;
};

}  // namespace convd::store
