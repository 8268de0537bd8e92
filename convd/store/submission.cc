#include "convd/store/submission.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "convd/store/log.h"
#include "convd/store/sqlite.h"

namespace convd::store {

using shared::ErrorCode;

void Inbox::put(Submission submission) {
  {
    const std::lock_guard lock(mutex_);
    waiting_.push_back(std::move(submission));
  }
  arrived_.notify_one();
}

std::vector<Submission> Inbox::take(std::size_t most) {
  std::unique_lock lock(mutex_);
  arrived_.wait(lock, [this] { return closed_ || !waiting_.empty(); });
  const auto end = waiting_.begin() + static_cast<std::ptrdiff_t>(std::min(waiting_.size(), most));
  std::vector<Submission> taken(std::make_move_iterator(waiting_.begin()), std::make_move_iterator(end));
  waiting_.erase(waiting_.begin(), end);
  return taken;
}

void Inbox::close() {
  {
    const std::lock_guard lock(mutex_);
    closed_ = true;
  }
  arrived_.notify_one();
}

std::size_t Inbox::size() const {
  const std::lock_guard lock(mutex_);
  return waiting_.size();
}

shared::Error to_error(const SqliteError& error) {
  if (error.disk_full())
    return {ErrorCode::disk_full, "The disk that holds the state is full: free some space and try again.", ""};
  if (error.constraint())
    return {ErrorCode::internal, "The store refused an operation that contradicts what it holds.", ""};
  return {ErrorCode::unavailable, "The database cannot be written now; the log of convd says why.", ""};
}

shared::Result<void> contained(std::string_view what, const std::function<shared::Result<void>()>& part) {
  try {
    return part();
  } catch (const SqliteError& error) {
    log()->error("{}: {}", what, error.what());
    return to_error(error);
  } catch (const std::exception& error) {
    log()->error("{}: {}", what, error.what());
    return shared::Error{ErrorCode::internal, "An operation of the store failed; the log of convd says why.", ""};
  }
}

}  // namespace convd::store
