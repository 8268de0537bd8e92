#include "convd/api/status_wait.h"

#include <utility>

namespace convd::api {

struct StatusWait::State {
  std::function<void()> done;
  loop::Timer timer;
  std::unique_ptr<events::Board::Subscription> subscription;

  void finish() {
    const auto call = std::exchange(done, nullptr);
    if (call) call();
  }
};

StatusWait::StatusWait(events::Board& board, loop::Loop& loop, const std::string& id, loop::milliseconds patience,
                       Enough enough, std::function<void()> done)
    : state_(std::make_shared<State>()) {
  state_->done = std::move(done);
  const std::weak_ptr<State> weak = state_;
  const auto finish = [weak] {
    if (const auto state = weak.lock()) state->finish();
  };
  state_->timer = loop.after(patience, finish);
  state_->subscription = board.subscribe(id, [&loop, finish, enough = std::move(enough)](const events::Latest& latest) {
    if (enough(latest)) loop.post(finish);
  });
}

}  // namespace convd::api
