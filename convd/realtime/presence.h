#pragma once
// Who watches which conversion now. Every change is offered to the stream as presence.changed.

#include <memory>
#include <string>
#include <vector>

#include "convd/events/event.h"
#include "convd/events/filter.h"
#include "shared/json.h"

namespace convd::realtime {

// Loop thread only.
class Presence {
 public:
  // One connection that watches, for as long as it lives; may outlive its Presence.
  class Stay {
   public:
    virtual ~Stay() = default;
  };
  using Ticket = std::unique_ptr<Stay>;

  // `sink` outlives this object.
  explicit Presence(events::ProgressSink& sink);
  ~Presence();
  Presence(const Presence&) = delete;
  Presence& operator=(const Presence&) = delete;

  // Of every conversion that the filter names.
  [[nodiscard]] std::vector<Ticket> enter_all(const std::string& org, const events::Filter& filter,
                                              const std::string& principal);
  [[nodiscard]] Ticket enter(const std::string& org, const std::string& id, const std::string& principal);

  // {"conversion":id,"watchers":[{"principal","connections"}],"total":n}, watchers by name.
  shared::Json describe(const std::string& org, const std::string& id) const;

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace convd::realtime
