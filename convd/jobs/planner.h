#pragma once
// Finds the cheapest chain of engine steps from one format to another. Pure: no clock, no file, no process.

#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "convd/engines/registry.h"
#include "shared/result.h"

namespace convd::jobs {

struct RouteStep {
  const engines::Engine* engine = nullptr;
  std::string from;
  std::string to;
  double weight = 1.0;  // share of the whole, 0-1, by cost; the weights of a route sum to 1
};
using Route = std::vector<RouteStep>;

inline constexpr int most_steps = 3;

// Loop thread only (it reads the registry).
class Planner {
 public:
  explicit Planner(const engines::Registry& registry) : registry_(registry) {}

  // The cheapest route over available engines, where every lost point of quality costs 50 ms; ties by quality, then by
  // fewer steps. from == to is a route only when an engine offers that edge. No route makes up what an earlier step has
  // dropped: from pixels no text, from pages no editable document, unless one engine offers just that. Errors:
  // unsupported_conversion; the message lists the targets that are possible from `from`, or names the package to
  // install when an unavailable engine could do it.
  shared::Result<Route> plan(std::string_view from, std::string_view to) const;
  // All targets that can be reached from `from` now, sorted.
  std::vector<std::string> targets(std::string_view from) const;
  const engines::FormatTable& formats() const { return registry_.formats(); }
  // All formats some available engine reads, sorted.
  std::vector<std::string> sources() const;

 private:
  void forget_what_has_changed() const;

  const engines::Registry& registry_;
  // What was found before, as long as the same engines are available: anybody may ask, and again and again. Failures
  // are not kept: a name may be anything.
  mutable std::vector<bool> available_;
  mutable std::map<std::string, Route> found_;                                    // by "from>to"
  mutable std::map<std::string, std::vector<std::string>, std::less<>> targets_;  // by source
  mutable std::vector<std::string> sources_;
};

}  // namespace convd::jobs
