#include "convd/store/sqlite_store.h"

#include <fcntl.h>
#include <pthread.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <filesystem>
#include <iterator>
#include <utility>

#include "convd/loop/unique_fd.h"
#include "convd/store/connection.h"
#include "convd/store/file_io.h"
#include "convd/store/schema.h"

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
void block_signals() {
  sigset_t every{};
  sigfillset(&every);
  pthread_sigmask(SIG_BLOCK, &every, nullptr);
}

}  // namespace

shared::Result<std::unique_ptr<Store>> Store::open(const std::string& state_dir, loop::Loop& loop) {
  auto files = Files::open(state_dir);
  if (!files) return files.error();
  const std::string path = state_dir + "/convd.db";
  if (auto made = make_private(path); !made) return made.error();
  try {
    {
      // Looked at before any setting is changed: another program's file stays as it is.
      Database database(path, Database::Access::read_write);
      if (auto migrated = migrate(database, path); !migrated) return migrated.error();
    }
    return std::unique_ptr<Store>(std::make_unique<SqliteStore>(path, std::move(*files), loop));
  } catch (const SqliteError& error) {
    return shared::Error{shared::ErrorCode::unavailable, path + " cannot be opened: " + error.what(), ""};
  }
}

SqliteStore::SqliteStore(const std::string& path, Files files, loop::Loop& loop)
    : loop_(loop), files_(std::move(files)), writer_(path, files_), reader_(open_reader(path)), thread_([this] {
        work();
      }) {}

SqliteStore::~SqliteStore() {
  alive_.reset();
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  arrived_.notify_one();
  thread_.join();
}

void SqliteStore::submit(std::function<shared::Result<void>(Files&)> prepare, Operation write, Done done) {
  enqueue({std::move(prepare), std::move(write), std::move(done), {}, {}});
}

void SqliteStore::enqueue(Submission submission) {
  {
    const std::lock_guard lock(mutex_);
    waiting_.push_back(std::move(submission));
  }
  arrived_.notify_one();
}

StoreStats SqliteStore::stats() const {
  const std::lock_guard lock(mutex_);
  StoreStats stats = stats_;
  stats.queued = static_cast<std::int64_t>(waiting_.size());
  return stats;
}

void SqliteStore::work() {
  block_signals();
  pthread_setname_np(pthread_self(), "convd-store");
  for (Batch batch = take(); !batch.empty(); batch = take()) {
    writer_.run(batch);
    count(batch);
    announce(std::move(batch), writer_.take_drops());
  }
}

// What waits, in the order of submission; empty only when nothing is left and the store closes.
SqliteStore::Batch SqliteStore::take() {
  std::unique_lock lock(mutex_);
  arrived_.wait(lock, [this] { return stopping_ || !waiting_.empty(); });
  const auto end = waiting_.begin() + static_cast<std::ptrdiff_t>(std::min(waiting_.size(), most_per_commit));
  Batch batch(std::make_move_iterator(waiting_.begin()), std::make_move_iterator(end));
  waiting_.erase(waiting_.begin(), end);
  return batch;
}

void SqliteStore::count(const Batch& batch) {
  const std::lock_guard lock(mutex_);
  for (const Submission& submission : batch) {
    if (!submission.drops.empty()) continue;
    ++stats_.operations;
    if (!submission.outcome) ++stats_.failed;
  }
  if (const auto commit = writer_.last_commit()) {
    ++stats_.commits;
    stats_.last_commit_us = commit->count();
  }
}

// Blobs are not dropped here but by a submission of their own that passes through the loop thread: whoever read there
// that a blob exists, and submitted a row that names it, comes before the drop.
void SqliteStore::announce(Batch batch, std::vector<std::string> drops) {
  auto shared_batch = std::make_shared<Batch>(std::move(batch));
  loop_.post([this, alive = token_, shared_batch, drops = std::move(drops)] {
    for (Submission& submission : *shared_batch) {
      if (alive.expired()) return;
      if (submission.done) submission.done(std::move(submission.outcome));
    }
    if (!alive.expired() && !drops.empty()) enqueue({nullptr, nullptr, nullptr, drops, {}});
  });
}

}  // namespace convd::store
