#include "convd/jobs/estimator.h"

#include <algorithm>
#include <cmath>

#include "convd/engines/formats.h"

namespace convd::jobs {
namespace {

constexpr std::size_t samples_kept = 64;
constexpr std::size_t neighbours = 5;
const double most_distance = std::log(8.0);

double size_log(std::int64_t bytes) {
  return std::log(static_cast<double>(std::max<std::int64_t>(bytes, 1024)));
}

int typical_ms(const RouteStep& step) {
  for (const engines::Edge& edge : step.engine->edges()) {
    if (edge.from == step.from && edge.to == step.to) return edge.cost;
  }
  return 100;
}

// What the tables' cost is meant for, beside what starting an engine costs: a letter. Pictures and sound have a page's
// worth of work in many more bytes. 155 pages of text are 200 KB or more as docx.
std::int64_t typical_bytes(const std::string& format) {
  const engines::Format* known = engines::find_format(format);
  const std::string_view type = known == nullptr ? std::string_view() : known->media_type;
  const bool is_dense = type.starts_with("image/") || type.starts_with("audio/") || type.starts_with("video/");
  return is_dense ? 1 << 20 : 64 << 10;
}

double typical_ms(const RouteStep& step, std::int64_t input_bytes) {
  const double growth = static_cast<double>(input_bytes) / static_cast<double>(typical_bytes(step.from));
  return typical_ms(step) * (1 + growth);
}

double first_share(const Route& route) {
  constexpr double least = 0.01;
  return std::clamp(route.front().weight, least, 1.0);
}

}  // namespace

void Estimator::learn(const store::RuntimeRow& run) {
  auto& runs = runs_[{run.engine, run.from, run.to}];
  runs.push_back(run);
  if (runs.size() > samples_kept) runs.pop_front();
}

void Estimator::learn_all(const std::vector<store::RuntimeRow>& runs) {
  std::for_each(runs.rbegin(), runs.rend(), [this](const store::RuntimeRow& run) { learn(run); });
}

std::optional<std::int64_t> Estimator::step_ms(const RouteStep& step, std::int64_t input_bytes) const {
  const auto found = runs_.find({step.engine->name(), step.from, step.to});
  if (found == runs_.end()) return std::nullopt;
  std::vector<std::pair<double, std::int64_t>> near;  // distance, wall time
  for (const store::RuntimeRow& run : found->second) {
    const double distance = std::abs(size_log(run.input_bytes) - size_log(input_bytes));
    if (distance <= most_distance) near.emplace_back(distance, run.wall_ms);
  }
  if (near.empty()) return std::nullopt;
  std::stable_sort(near.begin(), near.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
  near.resize(std::min(near.size(), neighbours));
  const auto middle = near.begin() + static_cast<std::ptrdiff_t>(near.size() / 2);
  std::nth_element(near.begin(), middle, near.end(), [](const auto& a, const auto& b) { return a.second < b.second; });
  return std::max<std::int64_t>(1, middle->second);
}

std::optional<std::int64_t> Estimator::guessed_step_ms(const RouteStep& step, std::int64_t input_bytes) const {
  const auto found = runs_.find({step.engine->name(), step.from, step.to});
  if (found == runs_.end()) return std::nullopt;
  const double size = size_log(input_bytes);
  const auto nearest = std::min_element(found->second.begin(), found->second.end(), [&](const auto& a, const auto& b) {
    return std::abs(size_log(a.input_bytes) - size) < std::abs(size_log(b.input_bytes) - size);
  });
  const auto wall_ms = static_cast<double>(nearest->wall_ms);
  const double scaled = wall_ms * std::exp(size - size_log(nearest->input_bytes));
  const double guess = scaled > wall_ms ? scaled : std::min(wall_ms, std::max(scaled, typical_ms(step, input_bytes)));
  return static_cast<std::int64_t>(std::max(1.0, guess));
}

std::optional<std::int64_t> Estimator::route_ms(const Route& route, std::int64_t input_bytes) const {
  if (route.empty() || route.front().weight <= 0) return std::nullopt;
  const auto first = step_ms(route.front(), input_bytes);
  if (!first) return std::nullopt;
  return static_cast<std::int64_t>(static_cast<double>(*first) / first_share(route));
}

double estimated_share(std::int64_t elapsed_ms, std::int64_t expected_ms) {
  constexpr double most = most_estimated_progress / 100.0;
  constexpr double knee = 0.8;
  const double share = static_cast<double>(std::max<std::int64_t>(0, elapsed_ms)) /
                       static_cast<double>(std::max<std::int64_t>(1, expected_ms));
  if (share <= knee) return share;
  return knee + (most - knee) * (1 - std::exp(-(share - knee) / (most - knee)));
}

Cost cost_of(const Estimator& estimator, const Route& route, std::int64_t input_bytes) {
  if (const auto learned = estimator.route_ms(route, input_bytes)) return {static_cast<double>(*learned), true};
  if (route.empty()) return {};
  if (const auto guess = estimator.guessed_step_ms(route.front(), input_bytes))
    return {static_cast<double>(*guess) / first_share(route), false};
  double typical = 0;
  for (const RouteStep& step : route) typical += typical_ms(step);
  const double growth = 1 + static_cast<double>(input_bytes) / static_cast<double>(typical_bytes(route.front().from));
  return {std::max(1.0, typical * growth), false};
}

}  // namespace convd::jobs
