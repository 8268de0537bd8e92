#pragma once
// The stream as the API uses it: its parts, made in the order in which they need each other.

#include "convd/events/board.h"
#include "convd/realtime/connections.h"
#include "convd/realtime/conversion_progress.h"
#include "convd/realtime/event_log.h"
#include "convd/realtime/presence.h"
#include "convd/realtime/settings.h"

namespace convd::realtime {

// All that is given outlives this object. Loop thread only.
struct Realtime {
  Realtime(loop::Loop& loop, store::Store& store, jobs::Manager& manager, const Settings& given)
      : settings(given),
        log(loop, store, manager, given),
        presence(log),
        connections(given),
        conversion_progress(manager.board(), log) {}

  const Settings& settings;
  EventLog log;
  Presence presence;
  Connections connections;
  ConversionProgress conversion_progress;
};

}  // namespace convd::realtime
