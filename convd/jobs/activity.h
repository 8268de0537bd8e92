#pragma once
// What goes on in the daemon at one moment, for those who look at it. Plain data.

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "convd/jobs/rates.h"
#include "convd/jobs/slots.h"
#include "shared/protocol.h"

namespace convd::jobs {

struct Activity {
  struct Running {
    std::string org;
    std::string engine;
    std::int64_t elapsed_ms = 0;  // since it was first started
    Length length = Length::long_work;
    shared::StatusObject status;
  };
  struct Waiting {
    std::string org;
    std::int64_t waited_ms = 0;
    shared::StatusObject status;
  };
  std::vector<Running> running;        // the longest first
  std::vector<Waiting> next;           // the first ones of the queue
  std::map<std::string, int> waiting;  // by org
  struct Rate {                        // for each minute
    double accepted = 0;
    double completed = 0;
    double error = 0;
    double cancelled = 0;
  };
  Rate last_minute;
  Rate last_quarter;  // of an hour
};

}  // namespace convd::jobs
