#include "convd/api/durations.h"

#include <algorithm>

namespace convd::api {
namespace {

const std::vector<double>& duration_bounds() {
  static const std::vector<double> bounds{0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600};
  return bounds;
}

std::int64_t completed_by(const jobs::Counters& counters, const std::string& engine) {
  const auto found = counters.finished.find({engine, std::string(shared::to_string(shared::Status::completed))});
  return found == counters.finished.end() ? 0 : found->second;
}

}  // namespace

void Durations::collect(const jobs::Counters& counters) {
  for (const auto& [engine, samples] : counters.durations_s) {
    Engine& known = engines_.try_emplace(engine, Engine{Histogram(duration_bounds())}).first->second;
    const std::int64_t total = completed_by(counters, engine);
    const auto fresh = std::min<std::int64_t>(total - known.counted, static_cast<std::int64_t>(samples.size()));
    for (auto sample = samples.end() - std::max<std::int64_t>(fresh, 0); sample != samples.end(); ++sample) {
      known.histogram.observe(*sample);
    }
    known.counted = total;
  }
}

void Durations::write(Exposition& out) const {
  out.family("convd_conversion_duration_seconds", "histogram",
             "Time from the start of a completed conversion to its end, by first engine.");
  for (const auto& [name, engine] : engines_) out.histogram({{"engine", name}}, engine.histogram);
}

}  // namespace convd::api
