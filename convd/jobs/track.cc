#include "convd/jobs/track.h"

#include <algorithm>
#include <utility>

#include "convd/jobs/estimator.h"

namespace convd::jobs {
namespace {

constexpr int most_measured_progress = 99;

int percent(double share, int most) {
  return std::clamp(static_cast<int>(share * 100), 0, most);
}

bool is_countable(const std::string& unit) {
  return unit == "page" || unit == "slide" || unit == "sheet" || unit == "image" || unit == "frame";
}

}  // namespace

Track::Track(const Route& route, std::string filename) : route_(route), filename_(std::move(filename)) {
  stage_.count = static_cast<int>(route.size()) + 1;
}

ProgressReport Track::enter(std::size_t index) {
  index_ = index;
  before_ = 0;
  for (std::size_t i = 0; i < index; ++i) before_ += route_[i].weight;
  share_ = before_;
  phase_ = engines::Phase::none;
  const int count = stage_.count;
  stage_ = {};
  stage_.name = step().engine->name();
  stage_.index = static_cast<int>(index) + 1;
  stage_.count = count;
  return report(percent(share_, most_measured_progress));
}

ProgressReport Track::measured(const engines::Progress& progress) {
  phase_ = progress.phase;
  if (!progress.blind) {
    const bool counts = progress.share ? progress.total.has_value() : true;
    stage_.unit = progress.unit;
    stage_.done = counts ? std::optional(progress.done) : std::nullopt;
    stage_.total = progress.total;
    stage_.kind = shared::ProgressKind::measured;
  }
  std::optional<double> part = progress.share;
  if (!part && progress.total && *progress.total > 0)
    part = static_cast<double>(progress.done) / static_cast<double>(*progress.total);
  if (part) share_ = std::max(share_, before_ + step().weight * std::clamp(*part, 0.0, 1.0));
  return report(percent(share_, most_measured_progress));
}

ProgressReport Track::estimated(double share) {
  stage_.kind = shared::ProgressKind::estimated;
  const double whole = std::max(share_, before_ + step().weight * share);
  return report(percent(whole, most_estimated_progress));
}

ProgressReport Track::finishing() {
  const int count = stage_.count;
  stage_ = {};
  stage_.name = "finishing";
  stage_.index = count;
  stage_.count = count;
  share_ = 1;
  return {most_measured_progress, "Saving the result", stage_};
}

std::string Track::message() const {
  if (phase_ == engines::Phase::reading) return index_ == 0 ? "Reading " + filename_ : "Reading " + step().from;
  if (phase_ == engines::Phase::layout) return "Laying out";
  if (!stage_.done || !is_countable(stage_.unit)) return "Converting with " + step().engine->title();
  const std::string counted = "Converting " + stage_.unit + " " + std::to_string(*stage_.done);
  return stage_.total ? counted + " of " + std::to_string(*stage_.total) : counted;
}

ProgressReport Track::report(int progress) const {
  return {progress, message(), stage_};
}

}  // namespace convd::jobs
