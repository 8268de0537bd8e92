#pragma once
// What a run has found, as one line of JSON; and what the servers have used meanwhile.

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace fanout {

class Report {
 public:
  Report& add(std::string_view name, double value);
  Report& add(std::string_view name, std::string_view value);
  // p50, p99 and the maximum of `values`, in milliseconds, as <name>_p50_ms and so on.
  Report& add_times(const std::string& name, std::vector<std::chrono::nanoseconds> values);
  // To standard output, which is flushed.
  void print() const;

 private:
  std::string members_;
};

// Of all of `pids` together.
class Usage {
 public:
  explicit Usage(std::vector<int> pids) : pids_(std::move(pids)) {}
  double cpu_seconds() const;  // of all their threads; in steps of a clock tick (10 ms)
  double rss_kib() const;

 private:
  std::vector<int> pids_;
};

// Of this process.
double own_cpu_seconds();

}  // namespace fanout
