#pragma once
// Children that are forked before there is a document for them and have already touched what every document needs: half
// the time of a small one.

#include <poll.h>

#include <chrono>
#include <cstdint>
#include <list>
#include <optional>
#include <string>
#include <vector>

#include "convd/office/child.h"
#include "convd/office/fork.h"
#include "convd/process/packet.h"

namespace convd::office {

// A process for a document, and what it had used before.
struct Handed {
  Forked child;
  rusage before{};
};

// Destroying it ends them. One thread.
class Spares {
 public:
  using Clock = std::chrono::steady_clock;
  struct Options {
    int count = 1;
    std::string temp_dir;
    std::chrono::milliseconds back_off{1'000};  // after one that died by itself; doubled by the next, up to a minute
    std::chrono::milliseconds patience{3'000};  // for a single thread
  };

  Spares(const ChildWorld& world, Options options);
  ~Spares();
  Spares(const Spares&) = delete;
  Spares& operator=(const Spares&) = delete;

  // Forks one when one is missing and its time has come.
  void refill(Clock::time_point now);
  // When refill() is next of use; nothing while none is missing.
  std::optional<Clock::time_point> next_refill() const;
  // To one that is ready, if there is one.
  std::optional<Handed> hand_over(const process::Packet& packet);
  // What to poll for, and what to do when something has come.
  void watch(std::vector<pollfd>& watched) const;
  void look(Clock::time_point now);
  void end_all();

 private:
  struct Spare {
    Forked child;
    loop::UniqueFd socket;
    std::string directory;
    bool ready = false;
    rusage used{};
  };

  // False when it has ended.
  bool is_alive(Spare& spare);
  void failed(Clock::time_point now);

  const ChildWorld& world_;
  const Options options_;
  std::list<Spare> spares_;
  std::uint64_t made_ = 0;
  int failures_ = 0;  // one after the other
  Clock::time_point not_before_{};
};

}  // namespace convd::office
