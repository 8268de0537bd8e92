#pragma once
// How a watcher keeps in touch: five tries of the WebSocket with back-off 1 s -> 10 s, then three of the long poll,
// then three of the plain poll where there is one, then it gives up. Pure. Any thread.

#include <chrono>
#include <optional>

namespace convctl {

class Ladder {
 public:
  enum class Mode { socket, long_poll, poll };
  struct Step {
    Mode mode;
    std::chrono::milliseconds delay;
  };

  explicit Ladder(Mode last = Mode::poll) : last_(last) {}

  Mode mode() const { return mode_; }
  void succeeded() { failures_ = 0; }
  // What to do after a failure; nothing when all has been tried. `jitter` is in [0, 1).
  std::optional<Step> failed(double jitter);
  // From the socket to the long poll at once: another try would be refused as well.
  Step leave_socket();

 private:
  Mode last_;
  Mode mode_ = Mode::socket;
  int failures_ = 0;
};

}  // namespace convctl
