#pragma once
// Who is connected to the stream, by whatever transport, or watches one conversion; and the limits of that.

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "convd/realtime/settings.h"
#include "shared/stream.h"

namespace convd::realtime {

struct ConnectionCounts {
  std::int64_t now = 0;
  std::int64_t ever = 0;     // since the start of the daemon
  std::int64_t refused = 0;  // over a limit, or not admitted
  std::int64_t slow = 0;     // closed because they took nothing
};

// Loop thread only.
class Connections {
 public:
  // One connection, for as long as it lives; may outlive its Connections.
  class Stay {
   public:
    virtual ~Stay() = default;
    virtual void was_slow() = 0;
    // Called once when the daemon leaves: whoever waits had better answer.
    virtual void on_leaving(std::function<void()> told) = 0;
  };
  struct Entry {
    std::unique_ptr<Stay> stay;   // null when refused
    shared::CloseCode refusal{};  // too_many_connections or realtime_disabled
  };
  enum class Admission : std::uint8_t {
    rollout,   // only those whom the rollout lets in
    everyone,  // what is left to the others
  };

  // `settings` outlives this object.
  explicit Connections(const Settings& settings);
  ~Connections();
  Connections(const Connections&) = delete;
  Connections& operator=(const Connections&) = delete;

  // The limit is that of a principal within its org, the rollout knows principals alone.
  [[nodiscard]] Entry enter(const std::string& org, const std::string& principal, Admission admission);
  // Whether one more could enter, but for the rollout.
  bool has_room(const std::string& org, const std::string& principal) const;
  ConnectionCounts counts() const;
  void leave();  // the daemon does

 private:
  struct State;
  class OwnStay;
  const Settings& settings_;
  std::shared_ptr<State> state_;
};

}  // namespace convd::realtime
