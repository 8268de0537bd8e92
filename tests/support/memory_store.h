#pragma once
// A Store in memory over real Files. Operations run in the loop's next turn and keep the rules of the real one: all or
// nothing, an ended row is never written again, what has no files to prepare overtakes what has. The test decides when
// a commit fails or waits.

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "convd/store/store.h"
#include "tests/support/fake_loop.h"

namespace tests {

// Test thread only. Outlives the objects above it, as a disk outlives a crash.
class MemoryStore final : public convd::store::Store {
 public:
  MemoryStore(FakeLoop& loop, convd::store::Files files) : loop_(loop), files_(std::move(files)) {}

  using Store::submit;
  void submit(Preparation prepare, Operation write, Done done) override;

  std::optional<convd::store::ConversionRow> conversion(const std::string& id) override;
  std::vector<convd::store::ConversionRow> conversions(const convd::store::ListQuery& query) override;
  std::vector<convd::store::ConversionRow> unfinished() override;
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
  bool has_result(const std::string& id) override;
  bool blob_in_use(const std::string& sha256) override;
  convd::store::Files& files() override { return files_; }
  convd::store::StoreStats stats() const override { return {}; }

  // What the test says.
  void fail_commits(std::optional<shared::Error> error) { failing_ = std::move(error); }
  void hold() { held_ = true; }  // commits wait until let_go()
  void let_go();
  void crash() { waiting_.clear(); }  // what was not committed never was

  // The types of all events of one subject, in order.
  std::vector<std::string> story(const std::string& subject) const;
  const std::vector<convd::store::EventRow>& log() const { return tables_.events; }
  int refused_updates() const { return tables_.refused; }

 private:
  struct Tables {
    std::map<std::string, convd::store::ConversionRow> conversions;
    std::map<std::pair<std::string, std::string>, convd::store::DocumentRow> documents;
    std::vector<convd::store::NoteRow> notes;
    std::vector<convd::store::EventRow> events;
    std::vector<convd::store::RuntimeRow> runtimes;
    int refused = 0;
    std::map<std::string, std::int64_t> last_seqs;  // by org
    std::map<std::string, std::int64_t> floors;     // by org
  };
  class Work;
  struct Waiting {
    Preparation prepare;
    Operation write;
    Done done;
  };
  void run_all();
  struct Aftermath {
    std::vector<std::string> drops;
    std::vector<convd::store::EventRow> appended;
  };
  shared::Result<void> run(const Waiting& operation, Aftermath& aftermath);
  shared::Result<void> drop_unused(const std::vector<std::string>& drops);
  convd::store::DocumentRow with_badge(convd::store::DocumentRow row);

  FakeLoop& loop_;
  convd::store::Files files_;
  Tables tables_;
  std::vector<Waiting> waiting_;
  std::optional<shared::Error> failing_;
  bool held_ = false;
  Appended appended_;
};

}  // namespace tests
