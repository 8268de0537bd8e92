#pragma once
// What an administrator decides about the stream. Every value has its line in convd.conf(5). Plain data.

#include <cstdint>

#include "convd/realtime/rollout.h"

namespace convd::realtime {

// One object for the whole daemon, read by reference: a reload changes it while it runs.
struct Settings {
  RolloutSettings rollout;
  int connections = 10'000;  // of the stream, at once; too_many_connections beyond
  int connections_per_principal = 1'000;
  std::int64_t retention_ms = 86'400'000;   // how long a state event can be read again
  std::int64_t retention_events = 100'000;  // of one org
};

}  // namespace convd::realtime
