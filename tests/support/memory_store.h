#pragma once
// A Store in memory over real Files. Operations run in the loop's next turn and keep the rules of the real one: all or
// nothing, an ended or newer row is never written, what has no files to prepare overtakes what has. The test decides
// when a commit fails or waits.

#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "convd/store/store.h"
#include "tests/support/fake_loop.h"

namespace tests {

// Test thread only. Outlives the objects above it, as a disk outlives a crash.
class MemoryStore : public convd::store::Store {
 public:
  MemoryStore(FakeLoop& loop, convd::store::Files files) : loop_(loop), files_(std::move(files)) {}

  using Store::submit;
  void submit(Preparation prepare, Operation write, Done done) override;

  std::optional<convd::store::ConversionRow> conversion(const std::string& id) override;
  std::vector<convd::store::ConversionRow> conversions(const convd::store::ListQuery& query) override;
  std::vector<convd::store::ConversionRow> unfinished() override;
  std::optional<convd::store::ConversionRow> reusable(const std::string& org, const std::string& reuse_key) override;
  std::optional<convd::store::IdempotencyRow> idempotency_key(const std::string& org, const std::string& key) override;
  std::optional<convd::store::DocumentRow> document(const std::string& org, const std::string& name) override;
  std::vector<convd::store::DocumentRow> documents(const convd::store::DocumentQuery& query) override;
  std::vector<convd::store::NoteRow> notes(const std::string& org, const std::string& conversion) override;
  std::vector<convd::store::RuntimeRow> recent_runtimes(int limit) override;
  std::vector<convd::store::EventRow> events(const std::string& org, std::int64_t after, std::int64_t through,
                                             int limit) override;
  std::vector<convd::store::EventRow> newest_events(const std::string& org, std::int64_t through, int limit) override;
  std::int64_t count_events(const convd::store::EventCount& query) override;
  std::int64_t oldest_event(const std::string& org) override;
  void on_appended(Appended told) override { appended_ = std::move(told); }
  std::vector<convd::store::PoisonRow> poisons(int limit) override;
  bool has_result(const std::string& id) override;
  bool blob_in_use(const std::string& sha256) override;
  std::vector<convd::store::ConversionRow> stored_results(int limit) override;
  std::vector<convd::store::ConversionRow> ended(convd::store::Millis before_ms, int limit) override;
  std::vector<convd::store::DocumentRow> unused_documents(convd::store::Millis before_ms, int limit) override;
  convd::store::Usage usage(const std::string& org) override {
    return usage_where([&](const std::string& other) { return other == org; });
  }
  convd::store::Usage usage_of_all() override {
    return usage_where([](const std::string&) { return true; });
  }
  convd::store::Files& files() override { return files_; }
  std::optional<shared::Error> lost_write() const override { return lost_write_; }
  convd::store::StoreStats stats() const override { return {}; }

  // What the test says. Of those that write something:
  void fail_commits(std::optional<shared::Error> error) { failing_ = std::move(error); }
  // The next commit goes through, and is reported as this.
  void doubt_commit(shared::Error error) { doubted_ = std::move(error); }
  void hold() { held_ = true; }  // commits wait until let_go()
  void let_go();
  void damage(const std::string& id) { damaged_.insert(id); }  // who reads this row is thrown at
  void crash() { waiting_.clear(); }                           // what was not committed never was

  void overlook_keys(bool overlooked) { keys_overlooked_ = overlooked; }  // reads find no idempotency key
  std::size_t keys() const { return tables_.keys.size(); }
  std::int64_t most_pruned() const { return tables_.most_pruned; }  // keys at a time

  // The types of all events of one subject, in order.
  std::vector<std::string> story(const std::string& subject) const;
  const std::vector<convd::store::EventRow>& log() const { return tables_.events; }
  int refused_updates() const { return tables_.refused; }

 protected:  // for a store that runs operations at other times
  struct Tables {
    std::map<std::string, convd::store::ConversionRow> conversions;
    std::map<std::pair<std::string, std::string>, convd::store::DocumentRow> documents;
    std::map<std::pair<std::string, std::string>, convd::store::Millis> uses;  // of documents, the last ones
    std::vector<convd::store::NoteRow> notes;
    std::map<std::pair<std::string, std::string>, convd::store::IdempotencyRow> keys;
    std::vector<convd::store::EventRow> events;
    std::vector<convd::store::RuntimeRow> runtimes;
    std::map<std::pair<std::string, std::string>, convd::store::PoisonRow> poisons;  // by document and engine
    int refused = 0;
    std::int64_t most_pruned = 0;
    std::map<std::string, std::int64_t> last_seqs;  // by org
    std::map<std::string, std::int64_t> floors;     // by org
  };
  class Work;
  struct Aftermath {
    std::vector<std::string> drops;
    std::vector<convd::store::EventRow> appended;
  };
  // All or nothing.
  shared::Result<void> write(const Operation& operation, Aftermath& aftermath);
  shared::Result<void> drop_unused(const std::vector<std::string>& drops);

  FakeLoop& loop_;
  convd::store::Files files_;
  Tables tables_;
  Appended appended_;

 private:
  struct Waiting {
    Preparation prepare;
    Operation write;
    Done done;
  };
  void run_all();
  shared::Result<void> run(const Waiting& operation, Aftermath& aftermath);
  convd::store::Usage usage_where(const std::function<bool(const std::string& org)>& counts) const;
  const convd::store::ConversionRow& sound(const convd::store::ConversionRow& row) const;
  convd::store::DocumentRow with_badge(convd::store::DocumentRow row);

  std::vector<Waiting> waiting_;
  std::optional<shared::Error> failing_;
  std::optional<shared::Error> lost_write_;
  std::optional<shared::Error> doubted_;
  bool held_ = false;
  bool keys_overlooked_ = false;
  std::set<std::string> damaged_;
};

}  // namespace tests
