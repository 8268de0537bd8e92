#pragma once
// How long completed conversions took, by engine, as a histogram that only grows.

#include <cstdint>
#include <map>
#include <string>

#include "convd/api/prometheus.h"
#include "convd/jobs/manager.h"

namespace convd::api {

// The manager keeps recent samples and counts all; this adds up what is new. Loop thread only.
class Durations {
 public:
  void collect(const jobs::Counters& counters);
  void write(Exposition& out) const;

 private:
  struct Engine {
    Histogram histogram;
    std::int64_t counted = 0;
  };
  std::map<std::string, Engine> engines_;
};

}  // namespace convd::api
