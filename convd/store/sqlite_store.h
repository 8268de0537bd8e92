#pragma once
// The Store over SQLite: the queue in front of the writer, the thread that empties it, and the reader.

#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>

#include "convd/store/reader.h"
#include "convd/store/store.h"
#include "convd/store/writer.h"

namespace convd::store {

class SqliteStore final : public Store {
 public:
  // Throws SqliteError. The database is of the present schema.
  SqliteStore(const std::string& path, Files files, loop::Loop& loop);
  ~SqliteStore() override;

  using Store::submit;
  void submit(std::function<shared::Result<void>(Files&)> prepare, Operation write, Done done) override;

  std::optional<ConversionRow> conversion(const std::string& id) override { return reader_.conversion(id); }
  std::vector<ConversionRow> conversions(const ListQuery& query) override { return reader_.conversions(query); }
  std::vector<ConversionRow> unfinished() override { return reader_.unfinished(); }
  std::optional<DocumentRow> document(const std::string& org, const std::string& name) override {
    return reader_.document(org, name);
  }
  std::vector<DocumentRow> documents(const DocumentQuery& query) override { return reader_.documents(query); }
  std::vector<RuntimeRow> recent_runtimes(int limit) override { return reader_.recent_runtimes(limit); }
  std::vector<EventRow> events(const std::string& org, std::int64_t after_seq, int limit) override {
    return reader_.events(org, after_seq, limit);
  }
  bool has_conversion(const std::string& id) override { return reader_.has_conversion(id); }
  bool blob_in_use(const std::string& sha256) override { return reader_.blob_in_use(sha256); }
  Files& files() override { return files_; }
  StoreStats stats() const override;

 private:
  using Batch = std::vector<Submission>;

  void enqueue(Submission submission);
  void work();
  Batch take();
  void count(const Batch& batch);
  void announce(Batch batch, std::vector<std::string> drops);

  loop::Loop& loop_;
  Files files_;
  Writer writer_;  // the store thread's, once it runs
  Reader reader_;  // after the writer: it is closed first
  // Ends with the store, on the loop thread: what was posted and has not run by then does nothing.
  std::shared_ptr<const bool> alive_ = std::make_shared<const bool>(true);
  const std::weak_ptr<const bool> token_ = alive_;  // the store thread's copy; alive_ is reset while it runs
  mutable std::mutex mutex_;
  std::condition_variable arrived_;
  std::deque<Submission> waiting_;  // guarded by mutex_; as long as the requests and runs in flight, which jobs/ limits
  StoreStats stats_;                // guarded by mutex_
  bool stopping_ = false;           // guarded by mutex_
  std::thread thread_;
};

}  // namespace convd::store
