#include "convd/store/writer.h"

#include <algorithm>
#include <utility>

#include "convd/store/connection.h"
#include "convd/store/log.h"

namespace convd::store {
namespace {

using shared::ErrorCode;

shared::Error to_error(const SqliteError& error) {
  if (error.disk_full())
    return {ErrorCode::disk_full, "The disk that holds the state is full: free some space and try again.", ""};
  if (error.constraint())
    return {ErrorCode::internal, "The store refused an operation that contradicts what it holds.", ""};
  return {ErrorCode::unavailable, "The database cannot be written now; the log of convd says why.", ""};
}

// Whatever an operation throws is its own failure, not the batch's.
template <typename Call>
shared::Result<void> guarded(std::string_view what, Call call) {
  try {
    return call();
  } catch (const SqliteError& error) {
    log()->error("{}: {}", what, error.what());
    return to_error(error);
  } catch (const std::exception& error) {
    log()->error("{}: {}", what, error.what());
    return shared::Error{ErrorCode::internal, "An operation of the store failed; the log of convd says why.", ""};
  }
}

}  // namespace

Writer::Connection::Connection(const std::string& path) : database(open_writer(path)), transaction(database) {}

Writer::Writer(std::string path, Files& files) : path_(std::move(path)), files_(files) {
  connection_.emplace(path_);
}

void Writer::run(std::span<Submission> batch) {
  last_commit_.reset();
  prepare(batch);
  const auto prepared = [](const Submission& submission) { return submission.write && submission.outcome.ok(); };
  if (std::any_of(batch.begin(), batch.end(), prepared)) commit(batch);
  drop_unused(batch);
}

// Outside the transaction: a slow fsync of a large upload must not hold the write lock, nor its failure undo anything.
void Writer::prepare(std::span<Submission> batch) {
  for (Submission& submission : batch) {
    if (submission.prepare) submission.outcome = guarded("prepare", [&] { return submission.prepare(files_); });
  }
}

void Writer::commit(std::span<Submission> batch) {
  try {
    if (!connection_) connection_.emplace(path_);
    write(batch);
  } catch (const SqliteError& error) {
    log()->error("transaction of {} operations failed: {}", batch.size(), error.what());
    abandon(batch, error);
  }
}

void Writer::write(std::span<Submission> batch) {
  connection_->transaction.begin();
  for (Submission& submission : batch) {
    if (submission.write && submission.outcome.ok()) write_one(submission);
  }
  const auto start = std::chrono::steady_clock::now();
  connection_->transaction.commit();
  last_commit_ = std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::steady_clock::now() - start);
}

// Throws when the whole transaction is lost: SQLite undoes it by itself when the disk is full or fails in the middle.
void Writer::write_one(Submission& submission) {
  WriteTransaction& transaction = connection_->transaction;
  std::optional<SqliteError> lost;
  transaction.begin_operation();
  submission.outcome = guarded("operation", [&]() -> shared::Result<void> {
    try {
      return submission.write(transaction, files_);
    } catch (const SqliteError& error) {
      if (error.broken() || !connection_->database.in_transaction()) lost = error;
      throw;
    }
  });
  if (lost) throw SqliteError(*lost);
  if (submission.outcome) {
    transaction.keep_operation();
  } else {
    transaction.undo_operation();
  }
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
