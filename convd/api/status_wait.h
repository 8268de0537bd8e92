#pragma once
// Long polls: waits for something to happen to a conversion, or for the time to be over.

#include <functional>
#include <memory>
#include <string>

#include "convd/events/board.h"
#include "convd/loop/loop.h"

namespace convd::api {

// Ends with its object. Loop thread only.
class StatusWait {
 public:
  using Enough = std::function<bool(const events::Latest&)>;
  // `done` is called once, from the loop and never from within the board: when a value of `id` was enough, or after
  // `patience`. It may destroy this object.
  StatusWait(events::Board& board, loop::Loop& loop, const std::string& id, loop::milliseconds patience, Enough enough,
             std::function<void()> done);

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace convd::api
