#pragma once
// Looks for files that nobody owns, at start and every hour: results without a row or a conversion that lives, blobs
// that nothing names, uploads nobody receives. A crash leaves such.

#include <cstdint>
#include <functional>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "convd/loop/loop.h"
#include "convd/store/store.h"

namespace convd::jobs {

// Found on the file thread some at a time, judged on the loop thread some at a time, removed one by one.
//
// What is in flight is never taken for a leftover: uploads and blobs are held by their Upload; results are those of a
// conversion that lives, or whose row is there, or may be about to have one. That last is why a directory goes only
// when a round before has found it without an owner, too; at start it goes at once, because what is there then was
// there before anything could be in flight. No clock is asked. Loop thread only.
class Sweep {
 public:
  struct Removed {
    std::int64_t uploads = 0;
    std::int64_t results = 0;
    std::int64_t blobs = 0;
  };
  static constexpr loop::milliseconds period{3'600'000};

  using IsLive = std::function<bool(const std::string& id)>;
  Sweep(loop::Loop& loop, store::Store& store, IsLive is_live);
  ~Sweep();
  Sweep(const Sweep&) = delete;
  Sweep& operator=(const Sweep&) = delete;

  // Before anything new is submitted to the store that has files.
  void start();
  const Removed& removed() const { return removed_; }

 private:
  using Names = std::vector<std::string>;
  struct Round;

  void begin();
  void sweep_incoming();
  void walk_results();
  void judge_results();
  void remove_results();
  void walk_prefixes();
  void walk_blobs();
  void judge_blobs();
  void drop_blobs(Names unused);
  void end();
  bool is_leftover(const std::string& name);
  // On the file thread; what it gives comes back to `next`, unless this object is gone by then.
  template <typename Found>
  void ask(std::function<Found(store::Files&)> work, std::function<void(Found)> next);
  // In a turn of its own; a database that cannot be read ends the round.
  void later(void (Sweep::*step)());

  loop::Loop& loop_;
  store::Store& store_;
  const IsLive is_live_;
  std::shared_ptr<Round> round_;  // while one is under way
  std::set<std::string> suspects_;
  bool is_first_ = true;
  Removed removed_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
  loop::Timer timer_;
};

}  // namespace convd::jobs
