#pragma once
// The stream as the API uses it: its parts, made in the order in which they need each other.

#include "convd/events/board.h"
#include "convd/realtime/connections.h"
#include "convd/realtime/conversion_progress.h"
#include "convd/realtime/event_log.h"
#include "convd/realtime/notes.h"
#include "convd/realtime/presence.h"
#include "convd/realtime/queue_teller.h"
#include "convd/realtime/settings.h"
#include "convd/realtime/system_news.h"
#include "convd/realtime/uploads.h"

namespace convd::realtime {

// All that is given outlives this object. Loop thread only.
struct Realtime {
  Realtime(loop::Loop& loop, store::Store& store, jobs::Manager& manager, const Settings& given)
      : settings(given),
        log(loop, store, manager, given),
        presence(log),
        connections(given),
        conversion_progress(manager.board(), log),
        queue_teller(loop, manager, log),
        uploads(loop, log),
        notes(loop, store),
        system_news(log) {}

  const Settings& settings;
  EventLog log;
  Presence presence;
  Connections connections;
  ConversionProgress conversion_progress;
  QueueTeller queue_teller;
  Uploads uploads;
  Notes notes;
  SystemNews system_news;
};

}  // namespace convd::realtime
