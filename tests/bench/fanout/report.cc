#include "tests/bench/fanout/report.h"

#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <fstream>
#include <iterator>
#include <sstream>

namespace fanout {
namespace {

std::string contents_of(int pid, const char* name) {
  std::ifstream file("/proc/" + std::to_string(pid) + "/" + name);
  return {std::istreambuf_iterator<char>(file), {}};
}

double cpu_of(int pid) {
  const std::string stat = contents_of(pid, "stat");
  std::istringstream fields(stat.substr(std::min(stat.size(), stat.rfind(')') + 2)));  // a name may hold blanks
  std::string skipped;
  for (int i = 0; i < 11; ++i) fields >> skipped;
  double user = 0;
  double system = 0;
  fields >> user >> system;
  return (user + system) / static_cast<double>(sysconf(_SC_CLK_TCK));
}

double rss_of(int pid) {
  const std::string status = contents_of(pid, "status");
  const auto at = status.find("VmRSS:");
  return at == std::string::npos ? 0 : std::stod(status.substr(at + 6));
}

template <typename Of>
double sum(const std::vector<int>& pids, Of of) {
  double all = 0;
  for (const int pid : pids) all += of(pid);
  return all;
}

}  // namespace

Report& Report::add(std::string_view name, double value) {
  char text[64];
  std::snprintf(text, sizeof text, "%.10g", value);
  members_ += (members_.empty() ? "\"" : ",\"") + std::string(name) + "\":" + text;
  return *this;
}

Report& Report::add(std::string_view name, std::string_view value) {
  members_ += (members_.empty() ? "\"" : ",\"") + std::string(name) + "\":\"" + std::string(value) + "\"";
  return *this;
}

Report& Report::add_times(const std::string& name, std::vector<std::chrono::nanoseconds> values) {
  if (values.empty()) return *this;
  std::sort(values.begin(), values.end());
  const auto at = [&](double share) {
    const auto index = static_cast<std::size_t>(share * static_cast<double>(values.size()));
    return std::chrono::duration<double, std::milli>(values[std::min(index, values.size() - 1)]).count();
  };
  return add(name + "_p50_ms", at(0.5)).add(name + "_p99_ms", at(0.99)).add(name + "_max_ms", at(1));
}

void Report::print() const {
  std::printf("{%s}\n", members_.c_str());
  std::fflush(stdout);
}

double Usage::cpu_seconds() const {
  return sum(pids_, cpu_of);
}

double Usage::rss_kib() const {
  return sum(pids_, rss_of);
}

double own_cpu_seconds() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

}  // namespace fanout
