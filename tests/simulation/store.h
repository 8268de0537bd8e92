#pragma once
// The store in memory, with its two threads moved step by step: the one that prepares files and the one that commits.
// It promises what store.h promises, and nothing more.

#include <deque>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "tests/support/memory_store.h"

namespace simulation {

class Store final : public tests::MemoryStore {
 public:
  using Rows = std::map<std::string, convd::store::ConversionRow>;
  using Documents = std::map<std::pair<std::string, std::string>, convd::store::DocumentRow>;

  Store(tests::FakeLoop& loop, convd::store::Files files) : MemoryStore(loop, std::move(files)) {}

  using MemoryStore::submit;
  void submit(Preparation prepare, Operation write, Done done) override;

  std::size_t to_prepare() const { return to_prepare_.size(); }
  std::size_t to_write() const { return to_write_.size(); }
  // The file thread takes the next one. Returns whether that succeeded.
  bool prepare_next();
  // What becomes of a transaction whose commit fails.
  enum class Failed : std::uint8_t { undone, gone_through };
  // The store thread writes at most so many in one transaction.
  void commit(std::size_t most, const std::optional<shared::Error>& failure = {}, Failed failed = Failed::undone);
  // As the real one at its end: everything is committed, nobody is told.
  void finish();
  // What was not committed is gone.
  void crash(convd::store::Files files);

  const Rows& rows() const { return tables_.conversions; }
  const Documents& all_documents() const { return tables_.documents; }
  // The events committed since the last call; they leave the log, which would only grow.
  std::vector<convd::store::EventRow> take_events();

 private:
  struct Submission {
    Preparation prepare;
    Operation write;
    Done done;
    shared::Result<void> outcome;
    std::vector<std::string> drops;
  };
  void announce(std::vector<Submission> batch, Aftermath after);

  std::deque<Submission> to_prepare_;
  std::deque<Submission> to_write_;
};

}  // namespace simulation
