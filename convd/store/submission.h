#pragma once
// What was submitted to the store, on its way to a thread.

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "convd/store/store.h"

namespace convd::store {

class SqliteError;

// Whether the space held back for a full disk may be used.
enum class Weight : std::uint8_t { ordinary, essential };

// A submitted operation, or blobs to drop. `outcome` is set by the threads it passes.
struct Submission {
  Store::Preparation prepare;
  Store::Operation write;
  Store::Done done;
  std::vector<std::string> drops;  // removed after the commit when nothing names them
  shared::Result<void> outcome;
  Weight weight = Weight::ordinary;
};

// Where submissions wait for one thread, in their order. As long as the requests and runs in flight, which jobs/
// limits. Any thread.
class Inbox {
 public:
  void put(Submission submission);
  // Waits until there is something, then takes at most `most`; empty only when closed and nothing is left.
  std::vector<Submission> take(std::size_t most);
  void close();
  std::size_t size() const;

 private:
  mutable std::mutex mutex_;
  std::condition_variable arrived_;
  std::deque<Submission> waiting_;  // guarded by mutex_
  bool closed_ = false;             // guarded by mutex_
};

// What a caller is told; the log has the rest.
shared::Error to_error(const SqliteError& error);

// Runs a part of a submission: what it throws is its own failure, and that of no other.
shared::Result<void> contained(std::string_view what, const std::function<shared::Result<void>()>& part);

}  // namespace convd::store
