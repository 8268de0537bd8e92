// Many lives of a daemon that never was: the real jobs::Manager over a clock, a runner, a store and a disk that follow
// from a seed.
//   simulation [--seeds N] [--from S] [--fresh N] [--keep-going]
//                                          defaults: 1000, 1, 0; fresh ones are others every day
//   simulation --seed S [--trace]          one again, step by step
// Exit status 1 with the seed, the step and the promise that was broken, and how to see it again.

#include <spdlog/spdlog.h>

#include <chrono>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <optional>
#include <string>
#include <string_view>

#include "tests/simulation/world.h"

namespace {

struct Request {
  std::uint64_t from = 1;
  std::uint64_t seeds = 1'000;
  std::uint64_t fresh = 0;
  bool trace = false;
  bool keeps_going = false;
};

std::optional<Request> read(int argc, char** argv) {
  Request request;
  for (int i = 1; i < argc; ++i) {
    const std::string_view word = argv[i];
    if (word == "--trace") {
      request.trace = true;
      continue;
    }
    if (word == "--keep-going") {
      request.keeps_going = true;
      continue;
    }
    if (i + 1 == argc) return std::nullopt;
    const std::uint64_t number = std::strtoull(argv[++i], nullptr, 10);
    if (word == "--seeds") {
      request.seeds = number;
    } else if (word == "--from") {
      request.from = number;
    } else if (word == "--fresh") {
      request.fresh = number;
    } else if (word == "--seed") {
      request.from = number;
      request.seeds = 1;
    } else {
      return std::nullopt;
    }
  }
  return request;
}

void print(std::int64_t step, std::int64_t now_ms, const std::string& what) {
  std::printf("%6lld %10.3f s  %s\n", static_cast<long long>(step), static_cast<double>(now_ms) / 1000, what.c_str());
}

std::uint64_t the_seed = 0;

// A crash of what is simulated is a finding like any other.
void crashed(int signal) {
  std::printf("seed %llu: signal %d\nreplay: simulation --seed %llu --trace\n",
              static_cast<unsigned long long>(the_seed), signal, static_cast<unsigned long long>(the_seed));
  std::fflush(stdout);
  std::_Exit(1);
}

// Returns whether all promises were kept.
bool simulate(std::uint64_t seed, bool trace, std::int64_t& steps) {
  the_seed = seed;
  simulation::World world(seed, trace ? print : simulation::World::Trace());
  const auto breach = world.run();
  steps += world.steps();
  if (!breach) return true;
  std::printf("seed %llu, step %lld: \"%s\" does not hold: %s\nreplay: simulation --seed %llu --trace\n",
              static_cast<unsigned long long>(seed), static_cast<long long>(world.steps()), breach->promise.c_str(),
              breach->detail.c_str(), static_cast<unsigned long long>(seed));
  return false;
}

// The first seed of today, by its date in UTC: 20240229000000 and on.
std::uint64_t seed_of_today() {
  const std::time_t now = std::time(nullptr);
  std::tm date{};
  ::gmtime_r(&now, &date);
  const int day = (date.tm_year + 1900) * 10'000 + (date.tm_mon + 1) * 100 + date.tm_mday;
  return static_cast<std::uint64_t>(day) * 1'000'000;
}

// Returns how many did not keep all promises.
std::uint64_t simulate_all(std::uint64_t from, std::uint64_t seeds, const Request& request) {
  if (seeds == 0) return 0;
  std::int64_t steps = 0;
  std::uint64_t broken = 0;
  std::uint64_t told = 0;
  const auto start = std::chrono::steady_clock::now();
  for (std::uint64_t seed = from; seed < from + seeds && (broken == 0 || request.keeps_going); ++seed, ++told) {
    if (!simulate(seed, request.trace, steps)) ++broken;
  }
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  std::printf("%llu seeds from %llu, %lld steps in %.1f s: %.0f seeds per second, ",
              static_cast<unsigned long long>(told), static_cast<unsigned long long>(from),
              static_cast<long long>(steps), seconds, static_cast<double>(told) / seconds);
  if (broken == 0)
    std::printf("every promise kept\n");
  else
    std::printf("%llu broke a promise\n", static_cast<unsigned long long>(broken));
  std::fflush(stdout);
  return broken;
}

}  // namespace

int main(int argc, char** argv) {
  const auto request = read(argc, argv);
  if (!request) {
    std::fprintf(stderr, "usage: simulation [--seeds N] [--from S] [--fresh N] [--keep-going] | --seed S [--trace]\n");
    return 2;
  }
  spdlog::set_level(request->trace ? spdlog::level::debug : spdlog::level::off);
  for (const int signal : {SIGSEGV, SIGABRT, SIGFPE, SIGBUS}) std::signal(signal, crashed);
  const std::uint64_t broken = simulate_all(request->from, request->seeds, *request);
  if (broken > 0 && !request->keeps_going) return 1;
  return simulate_all(seed_of_today(), request->fresh, *request) + broken == 0 ? 0 : 1;
}
