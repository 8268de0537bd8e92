#include "convd/store/writer.h"

#include <algorithm>
#include <utility>

#include "convd/loop/crash_point.h"
#include "convd/store/connection.h"
#include "convd/store/log.h"

namespace convd::store {

Writer::Connection::Connection(const std::string& path) : database(open_writer(path)), transaction(database) {}

Writer::Writer(std::string path, Files& files, LostWrite& lost_write)
    : path_(std::move(path)), files_(files), lost_write_(lost_write) {
  connection_.emplace(path_);
}

void Writer::run(std::span<Submission> batch) {
  last_commit_.reset();
  const auto writes = [](const Submission& submission) { return static_cast<bool>(submission.write); };
  if (std::any_of(batch.begin(), batch.end(), writes)) commit(batch);
  drop_unused(batch);
}

void Writer::commit(std::span<Submission> batch) {
  try {
    if (!connection_) connection_.emplace(path_);
    write(batch);
  } catch (const SqliteError& error) {
    // A full disk is told of by whoever refuses new work because of it, once and not with every operation.
    log()->log(error.disk_full() ? spdlog::level::debug : spdlog::level::err, "transaction of {} operations failed: {}",
               batch.size(), error.what());
    lost_write_.note(to_error(error));
    abandon(batch, error);
    if (error.disk_full()) rescue(batch);
  }
}

// What ends or removes something, once more, with the space that was held back and in that of SQLite's own log.
void Writer::rescue(std::span<Submission> batch) {
  std::vector<Submission*> essential;
  for (Submission& submission : batch) {
    const bool lost = !submission.outcome && submission.outcome.error().code == shared::ErrorCode::disk_full;
    if (submission.write && submission.weight == Weight::essential && lost) essential.push_back(&submission);
  }
  if (essential.empty()) return;
  files_.reserve().release();
  try {
    if (!connection_) connection_.emplace(path_);
    shorten_log();
    connection_->transaction.begin();
    for (Submission* submission : essential) {
      submission->outcome = {};
      write_one(*submission);
    }
    connection_->transaction.commit();
    lost_write_.forget();
  } catch (const SqliteError& error) {
    log()->error("{} operations that free or end something failed again: {}", essential.size(), error.what());
    for (Submission* submission : essential) abandon({submission, 1}, error);
  }
}

// Brings what is in the write-ahead log into the database, so that the log begins anew instead of growing. It keeps its
// blocks: given back, they would be anybody's.
void Writer::shorten_log() {
  try {
    connection_->database.execute("PRAGMA wal_checkpoint(RESTART)");
  } catch (const SqliteError& error) {
    log()->debug("the write-ahead log stays as it is: {}", error.what());
  }
}

void Writer::write(std::span<Submission> batch) {
  connection_->transaction.begin();
  bool wrote = false;
  for (Submission& submission : batch) {
    if (submission.write) wrote = write_one(submission) || wrote;
  }
  const auto start = std::chrono::steady_clock::now();
  loop::crash_point("commit.before");
  connection_->transaction.commit();
  loop::crash_point("commit.after");
  if (wrote) lost_write_.forget();
  last_commit_ = std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::steady_clock::now() - start);
}

// Returns whether there is something of it to write. Throws when the whole transaction is lost: SQLite undoes it by
// itself when the disk is full or fails in the middle.
bool Writer::write_one(Submission& submission) {
  WriteTransaction& transaction = connection_->transaction;
  std::optional<SqliteError> lost;
  const std::int64_t before = transaction.changes();
  transaction.begin_operation();
  submission.outcome = contained("operation", [&]() -> shared::Result<void> {
    try {
      return submission.write(transaction, files_);
    } catch (const DamagedRow&) {
      throw;
    } catch (const SqliteError& error) {
      if (error.broken() || !connection_->database.in_transaction()) lost = error;
      throw;
    }
  });
  if (lost) throw SqliteError(*lost);
  if (!submission.outcome) {
    transaction.undo_operation();
    return false;
  }
  transaction.keep_operation();
  return transaction.changes() != before;
}

void Writer::abandon(std::span<Submission> batch, const SqliteError& error) {
  for (Submission& submission : batch) {
    if (submission.write && submission.outcome) submission.outcome = to_error(error);
  }
  if (!connection_) return;
  try {
    connection_->transaction.rollback(connection_->database);
    if (error.broken()) connection_.reset();
  } catch (const SqliteError& second) {
    log()->error("rollback failed, the database is opened anew: {}", second.what());
    connection_.reset();
  }
}

std::vector<EventRow> Writer::take_appended() {
  return connection_ ? connection_->transaction.take_appended() : std::vector<EventRow>{};
}

std::vector<std::string> Writer::take_drops() {
  return connection_ ? connection_->transaction.take_drops() : std::vector<std::string>{};
}

// A failure leaves the blob to the sweep of the next start.
void Writer::drop_unused(std::span<const Submission> batch) {
  if (!connection_) return;
  try {
    for (const Submission& submission : batch) {
      for (const std::string& sha256 : submission.drops) {
        if (!connection_->transaction.blob_in_use(sha256)) files_.remove_blob(sha256);
      }
    }
  } catch (const SqliteError& error) {
    log()->warn("blobs stay until the next start: {}", error.what());
  }
}

}  // namespace convd::store
