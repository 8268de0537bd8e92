#pragma once
// How long a step will take, learned from past runs by input size. Says nothing rather than something invented. Pure.

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <tuple>
#include <vector>

#include "convd/jobs/planner.h"
#include "convd/store/records.h"

namespace convd::jobs {

inline constexpr int most_estimated_progress = 95;

class Estimator {
 public:
  // Keeps the newest samples of each (engine, from, to).
  void learn(const store::RuntimeRow& run);
  // As Store::recent_runtimes gives them: newest first.
  void learn_all(const std::vector<store::RuntimeRow>& runs);

  // Wall time of one step. Nothing without a past run of comparable size (within a factor of eight).
  std::optional<std::int64_t> step_ms(const RouteStep& step, std::int64_t input_bytes) const;
  // The same from whatever run is nearest in size, which does not tell of this one: longer by the ratio of the sizes
  // when that was a smaller document, shorter when it was a larger one, but not than the tables' typical cost. Nothing
  // without any run.
  std::optional<std::int64_t> guessed_step_ms(const RouteStep& step, std::int64_t input_bytes) const;
  // Wall time of a route: the first step's estimate, extended over the others by their weights.
  std::optional<std::int64_t> route_ms(const Route& route, std::int64_t input_bytes) const;

 private:
  using Key = std::tuple<std::string, std::string, std::string>;
  std::map<Key, std::deque<store::RuntimeRow>> runs_;  // oldest first
};

// What share of a step is done after `elapsed_ms` when it should take `expected_ms`: 0-0.95, ever growing, ever slower
// once the expectation is passed.
double estimated_share(std::int64_t elapsed_ms, std::int64_t expected_ms);

// The cost of a route for fairness and for telling short work from long: learned, or else guessed. A guess grows with
// the input: from the nearest run of the first step, however far its size, else from the tables' typical cost.
struct Cost {
  double ms = 1;
  bool known = false;
};
Cost cost_of(const Estimator& estimator, const Route& route, std::int64_t input_bytes);

}  // namespace convd::jobs
