#include "convd/api/metrics.h"

#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <fstream>

#include "tests/support/catch.h"

using namespace convd::api;

namespace {

// What `promtool check metrics` says to this text, and nothing when it has nothing to complain about.
std::string lint(const std::string& text) {
  const std::string path = "/tmp/convd-metrics-" + std::to_string(getpid());
  std::ofstream(path) << text;
  std::string said;
  FILE* tool = popen(("promtool check metrics < " + path + " 2>&1").c_str(), "r");
  for (int c = std::fgetc(tool); c != EOF; c = std::fgetc(tool)) said += static_cast<char>(c);
  const int status = pclose(tool);
  std::remove(path.c_str());
  return said + (status == 0 ? "" : "exit " + std::to_string(status));
}

bool has_promtool() {
  return std::system("command -v promtool > /dev/null") == 0;
}

}  // namespace

TEST_CASE("the exposition format") {
  Exposition out;
  out.family("a_total", "counter", "back\\slash\nline").sample({{"l", "q\"b\\n\n"}}, 1e21).sample({}, 0.5);
  Histogram histogram({0.1, 1});
  for (const double value : {0.1, 0.05, 0.5, 7.0}) histogram.observe(value);
  out.family("h", "histogram", "h").histogram({{"x", "y"}}, histogram);
  CHECK(out.take() ==
        "# HELP a_total back\\\\slash\\nline\n# TYPE a_total counter\n"
        "a_total{l=\"q\\\"b\\\\n\\n\"} 1e+21\na_total 0.5\n"
        "# HELP h h\n# TYPE h histogram\n"
        "h_bucket{x=\"y\",le=\"0.1\"} 2\nh_bucket{x=\"y\",le=\"1\"} 3\nh_bucket{x=\"y\",le=\"+Inf\"} 4\n"
        "h_sum{x=\"y\"} 7.65\nh_count{x=\"y\"} 4\n");
}

TEST_CASE("durations add up what is new, although the manager keeps only recent samples") {
  convd::jobs::Counters counters;
  Durations durations;
  counters.finished[{"poppler", "completed"}] = 2;
  counters.durations_s["poppler"] = {0.2, 3};
  durations.collect(counters);
  durations.collect(counters);
  counters.finished[{"poppler", "completed"}] = 4;
  counters.finished[{"poppler", "error"}] = 9;
  counters.durations_s["poppler"] = {3, 40, 50};  // the oldest has been forgotten
  durations.collect(counters);
  Exposition out;
  durations.write(out);
  const std::string text = out.take();
  CHECK(text.find("_count{engine=\"poppler\"} 4\n") != text.npos);
  CHECK(text.find("_sum{engine=\"poppler\"} 93.2\n") != text.npos);
  CHECK(text.find("_bucket{engine=\"poppler\",le=\"5\"} 2\n") != text.npos);
}

TEST_CASE("every family pleases the linter") {
  Exposition out;
  HttpMetrics http;
  http.connection_opened();
  http.answered("/convert", "POST", 200, 0.01);
  http.write(out);
  convd::jobs::Counters counters;
  counters.finished[{"poppler", "completed"}] = 1;
  counters.finished[{"pandoc", "completed"}] = 2;
  counters.errors["stalled"] = 3;
  counters.durations_s["poppler"] = {1};
  write_counters(out, counters);
  Durations durations;
  durations.collect(counters);
  durations.write(out);
  convd::jobs::Capacity capacity;
  capacity.slots = 4;
  capacity.running = 3;
  capacity.waiting = 2;
  capacity.wait_ms = 1000;
  write_queue(out, capacity, 1500);
  write_store(out, {10, 20, 0, 1, 1500});
  write_runner(out, {true, true, "bwrap", "", false, ""});
  const auto started = convd::loop::WallTime(std::chrono::milliseconds(1'790'000'000'500));
  write_process(out, read_process_stats(), started);
  const std::string text = out.take();

  CHECK(text.find("convd_conversions_succeeded_total 3\n") != text.npos);
  CHECK(text.find("convd_conversions_total{engine=\"pandoc\",outcome=\"completed\"} 2\n") != text.npos);
  CHECK(text.find("convd_queue_oldest_seconds 1.5\n") != text.npos);
  CHECK(text.find("convd_store_last_commit_seconds 0.0015\n") != text.npos);
  CHECK(text.find("convd_runner_up 1\n") != text.npos);
  CHECK(text.find("process_start_time_seconds 1790000000.5\n") != text.npos);
  if (has_promtool())
    CHECK(lint(text) == "");
  else
    WARN("promtool is not installed: the format was not linted");
}

TEST_CASE("a runner that cannot start anything is down") {
  Exposition out;
  write_runner(out, {true, true, "bwrap", "no user namespaces", false, ""});
  CHECK(out.take().find("convd_runner_up 0\n") != std::string::npos);
}

TEST_CASE("the process sees itself") {
  const ProcessStats stats = read_process_stats();
  CHECK(stats.resident_bytes > 100'000);
  CHECK(stats.virtual_bytes >= stats.resident_bytes);
  CHECK(stats.threads >= 1);
  CHECK(stats.open_fds >= 3);
  CHECK(stats.max_fds >= stats.open_fds);
  CHECK(stats.cpu_seconds > 0);
}
