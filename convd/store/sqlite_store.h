#pragma once
// The Store over SQLite: its threads, what waits for each, the writer and the reader.

#include <mutex>
#include <thread>

#include "convd/store/lost_write.h"
#include "convd/store/reader.h"
#include "convd/store/store.h"
#include "convd/store/submission.h"
#include "convd/store/writer.h"

namespace convd::store {

class SqliteStore final : public Store {
 public:
  // Throws SqliteError. The database is of the present schema.
  SqliteStore(const std::string& path, Files files, loop::Loop& loop);
  ~SqliteStore() override;

  using Store::submit;
  void submit(Preparation prepare, Operation write, Done done) override;
  void submit_upload(Preparation prepare, Operation write, Done done) override;
  void submit_essential(Operation write, Done done) override;

  std::optional<ConversionRow> conversion(const std::string& id) override { return reader_.conversion(id); }
  std::vector<ConversionRow> conversions(const ListQuery& query) override { return reader_.conversions(query); }
  std::vector<ConversionRow> unfinished() override { return reader_.unfinished(); }
  std::optional<ConversionRow> reusable(const std::string& org, const std::string& reuse_key) override {
    return reader_.reusable(org, reuse_key);
  }
  std::optional<IdempotencyRow> idempotency_key(const std::string& org, const std::string& key) override {
    return reader_.idempotency_key(org, key);
  }
  std::optional<DocumentRow> document(const std::string& org, const std::string& name) override {
    return reader_.document(org, name);
  }
  std::vector<DocumentRow> documents(const DocumentQuery& query) override { return reader_.documents(query); }
  std::vector<NoteRow> notes(const std::string& org, const std::string& conversion) override {
    return reader_.notes(org, conversion);
  }
  std::vector<RuntimeRow> recent_runtimes(int limit) override { return reader_.recent_runtimes(limit); }
  std::vector<EventRow> events(const std::string& org, std::int64_t after, std::int64_t through, int limit) override {
    return reader_.events(org, after, through, limit);
  }
  std::vector<EventRow> newest_events(const std::string& org, std::int64_t through, int limit) override {
    return reader_.newest_events(org, through, limit);
  }
  std::int64_t count_events(const EventCount& query) override { return reader_.count_events(query); }
  std::int64_t oldest_event(const std::string& org) override { return reader_.oldest_event(org); }
  void on_appended(Appended told) override { appended_ = std::move(told); }
  std::vector<PoisonRow> poisons(int limit) override { return reader_.poisons(limit); }
  bool has_result(const std::string& id) override { return reader_.has_result(id); }
  bool blob_in_use(const std::string& sha256) override { return reader_.blob_in_use(sha256); }
  std::vector<ConversionRow> stored_results(int limit) override { return reader_.stored_results(limit); }
  std::vector<ConversionRow> ended(Millis before_ms, int limit) override { return reader_.ended(before_ms, limit); }
  std::vector<DocumentRow> unused_documents(Millis before_ms, int limit) override {
    return reader_.unused_documents(before_ms, limit);
  }
  Usage usage(const std::string& org) override { return reader_.usage(org); }
  Usage usage_of_all() override { return reader_.usage_of_all(); }
  Files& files() override { return files_; }
  std::optional<shared::Error> lost_write() const override { return lost_write_.reason(); }
  StoreStats stats() const override;

 private:
  using Batch = std::vector<Submission>;

  void work_on_files(Inbox& inbox, const char* name);
  void work_on_rows();
  void prepare(Submission submission);
  void count(const Batch& batch);
  void count_commit();
  // What a batch leaves behind for the loop thread.
  struct Aftermath {
    std::vector<EventRow> appended;
    std::vector<std::string> drops;
  };
  void announce(Batch batch, Aftermath aftermath);

  loop::Loop& loop_;
  Appended appended_;  // the loop thread's
  Files files_;
  LostWrite lost_write_;
  Writer writer_;  // the store thread's, once it runs
  Reader reader_;  // after the writer: it is closed first
  // Ends with the store, on the loop thread: what was posted and has not run by then does nothing.
  std::shared_ptr<const bool> alive_ = std::make_shared<const bool>(true);
  const std::weak_ptr<const bool> token_ = alive_;  // the threads' copy; alive_ is reset while they run
  mutable std::mutex mutex_;
  StoreStats stats_;  // guarded by mutex_
  Inbox uploads_;
  Inbox to_prepare_;
  Inbox to_write_;
  std::thread upload_thread_;
  std::thread file_thread_;
  std::thread store_thread_;
};

}  // namespace convd::store
