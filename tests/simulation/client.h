#pragma once
// The people of a simulation: they send, ask, cancel, remove and send again, whenever the dice say, and keep account of
// which of their calls were answered.

#include <map>
#include <string>
#include <vector>

#include "convd/jobs/manager.h"
#include "tests/simulation/dice.h"
#include "tests/simulation/ledger.h"
#include "tests/support/fake_loop.h"

namespace simulation {

class Client {
 public:
  Client(Dice& dice, Ledger& ledger, const tests::FakeLoop& loop);

  // One thing that somebody does. Returns what, for the trace.
  std::string act(convd::jobs::Manager& manager);
  // The daemon is gone: open calls are never answered.
  void hang_up() { open_.clear(); }
  // Calls that no answer has come to, with what they were.
  std::vector<std::string> unanswered() const;
  std::size_t known() const { return ids_.size(); }

 private:
  struct Known {
    std::string org;
    std::string id;
  };
  std::string submit(convd::jobs::Manager& manager);
  std::string submit_again(convd::jobs::Manager& manager, convd::jobs::Submission submission);
  std::string cancel(convd::jobs::Manager& manager);
  std::string remove(convd::jobs::Manager& manager);
  std::string retry(convd::jobs::Manager& manager);
  std::string look(convd::jobs::Manager& manager);
  std::string list(convd::jobs::Manager& manager);
  std::string fetch(convd::jobs::Manager& manager);
  std::string put(convd::jobs::Manager& manager);
  std::string remove_document(convd::jobs::Manager& manager);

  std::unique_ptr<convd::store::Upload> upload(convd::jobs::Manager& manager, const std::string& org,
                                               const std::string& format);
  convd::jobs::Manager::Accepted taken(const std::string& org, const std::string& what);
  const Known& some();
  std::string some_org();
  std::string some_name(const std::string& format);
  std::uint64_t call(const std::string& what);
  void answered(std::uint64_t call);

  Dice& dice_;
  Ledger& ledger_;
  const tests::FakeLoop& loop_;
  std::size_t orgs_;
  std::size_t documents_;
  bool with_deadlines_;
  bool with_timeouts_;
  bool with_keys_;
  std::map<std::string, int> weights_;
  std::vector<Known> ids_;
  std::map<std::uint64_t, std::string> open_;
  std::uint64_t last_call_ = 0;
};

}  // namespace simulation
