#include "convd/store/sqlite_store.h"

#include <fcntl.h>
#include <pthread.h>

#include <cerrno>
#include <filesystem>
#include <utility>

#include "convd/loop/signal_mask.h"
#include "convd/loop/unique_fd.h"
#include "convd/store/connection.h"
#include "convd/store/file_io.h"
#include "convd/store/log.h"
#include "convd/store/schema.h"
#include "convd/store/wal_check.h"

namespace convd::store {
namespace {

constexpr std::size_t most_per_commit = 128;

// SQLite would create the file readable for everyone, and give its log the same mode.
shared::Result<void> make_private(const std::string& path) {
  const loop::UniqueFd fd(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  if (fd) return sync_directory(std::filesystem::path(path).parent_path());
  if (errno == EEXIST) return {};
  return io_error("create " + path, errno);
}

// Signals are the loop thread's business.
void begin_thread(const char* name) {
  loop::hold_every_signal();
  pthread_setname_np(pthread_self(), name);
}

shared::Error wal_damaged(const std::string& path) {
  return {
      shared::ErrorCode::unavailable,
      path + "-wal is damaged: stop convd and restore the database from a backup; see convd(8) for what can be kept",
      ""};
}

shared::Result<std::unique_ptr<Store>> open_database(const std::string& path, Files files, loop::Loop& loop) {
  try {
    {
      // SQLite would go on from where the log is damaged, without what stands behind.
      if (is_wal_damaged(path)) return wal_damaged(path);
      // Looked at before any setting is changed: another program's file stays as it is.
      Database database(path, Database::Access::read_write);
      if (auto migrated = migrate(database, path); !migrated) return migrated.error();
    }
    return std::unique_ptr<Store>(std::make_unique<SqliteStore>(path, std::move(files), loop));
  } catch (const SqliteError& error) {
    return shared::Error{shared::ErrorCode::unavailable, path + " cannot be opened: " + error.what(), ""};
  }
}

}  // namespace

shared::Result<std::unique_ptr<Store>> Store::open(const std::string& state_dir, loop::Loop& loop) {
  auto files = Files::open(state_dir);
  if (!files) return files.error();
  const std::string path = state_dir + "/convd.db";
  if (auto made = make_private(path); !made) return made.error();
  // SQLite cannot even read without a little room beside the file.
  const bool has_room = files->free_bytes() >= Reserve::size_bytes;
  if (!has_room) files->reserve().release();
  auto store = open_database(path, *std::move(files), loop);
  if (store && has_room) {
    if (auto held = (*store)->files().reserve().restore(); !held)
      log()->warn("no space is held back for a full disk: {}", held.error().message);
    hold_log_space(path + "-wal");
  }
  return store;
}

SqliteStore::SqliteStore(const std::string& path, Files files, loop::Loop& loop)
    : loop_(loop),
      files_(std::move(files)),
      writer_(path, files_, lost_write_),
      reader_(open_reader(path)),
      upload_thread_([this] { work_on_files(uploads_, "convd-uploads"); }),
      file_thread_([this] { work_on_files(to_prepare_, "convd-files"); }),
      store_thread_([this] { work_on_rows(); }) {}

SqliteStore::~SqliteStore() {
  alive_.reset();
  // Those that prepare first: what they have prepared is still written.
  uploads_.close();
  to_prepare_.close();
  upload_thread_.join();
  file_thread_.join();
  to_write_.close();
  store_thread_.join();
}

void SqliteStore::submit(Preparation prepare, Operation write, Done done) {
  Inbox& inbox = prepare ? to_prepare_ : to_write_;
  inbox.put({std::move(prepare), std::move(write), std::move(done), {}, {}, Weight::ordinary});
}

void SqliteStore::submit_upload(Preparation prepare, Operation write, Done done) {
  uploads_.put({std::move(prepare), std::move(write), std::move(done), {}, {}, Weight::ordinary});
}

void SqliteStore::submit_essential(Operation write, Done done) {
  to_write_.put({nullptr, std::move(write), std::move(done), {}, {}, Weight::essential});
}

StoreStats SqliteStore::stats() const {
  const std::lock_guard lock(mutex_);
  StoreStats stats = stats_;
  stats.queued = static_cast<std::int64_t>(uploads_.size() + to_prepare_.size() + to_write_.size());
  return stats;
}

void SqliteStore::work_on_files(Inbox& inbox, const char* name) {
  begin_thread(name);
  for (Batch batch = inbox.take(1); !batch.empty(); batch = inbox.take(1)) {
    prepare(std::move(batch.front()));
  }
}

void SqliteStore::prepare(Submission submission) {
  submission.outcome = contained("prepare", [&] { return submission.prepare(files_); });
  if (submission.write) {
    if (submission.outcome) return to_write_.put(std::move(submission));
    // Files without rows are results, where an engine is more often to blame than the disk.
    lost_write_.note(submission.outcome.error());
  }
  Batch ended;
  ended.push_back(std::move(submission));
  count(ended);
  announce(std::move(ended), {});
}

void SqliteStore::work_on_rows() {
  begin_thread("convd-store");
  for (Batch batch = to_write_.take(most_per_commit); !batch.empty(); batch = to_write_.take(most_per_commit)) {
    writer_.run(batch);
    count(batch);
    count_commit();
    announce(std::move(batch), {writer_.take_appended(), writer_.take_drops()});
  }
}

void SqliteStore::count(const Batch& batch) {
  const std::lock_guard lock(mutex_);
  for (const Submission& submission : batch) {
    if (!submission.drops.empty()) continue;
    ++stats_.operations;
    if (!submission.outcome) ++stats_.failed;
  }
}

void SqliteStore::count_commit() {
  const auto commit = writer_.last_commit();
  if (!commit) return;
  const std::lock_guard lock(mutex_);
  ++stats_.commits;
  stats_.last_commit_us = commit->count();
}

// Blobs are not dropped here but by a submission of their own that passes through the loop thread: whoever read there
// that a blob exists, and submitted a row that names it, comes before the drop.
void SqliteStore::announce(Batch batch, Aftermath aftermath) {
  auto shared_batch = std::make_shared<Batch>(std::move(batch));
  loop_.post([this, alive = token_, shared_batch, after = std::move(aftermath)]() mutable {
    for (Submission& submission : *shared_batch) {
      if (alive.expired()) return;
      if (submission.done) submission.done(std::move(submission.outcome));
      submission = {};  // with the upload it may hold: a drop finds its blob free
    }
    if (!alive.expired() && appended_ && !after.appended.empty()) appended_(std::move(after.appended));
    if (!alive.expired() && !after.drops.empty())
      to_write_.put({nullptr, nullptr, nullptr, std::move(after.drops), {}, Weight::ordinary});
  });
}

}  // namespace convd::store
