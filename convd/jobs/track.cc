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

std::string counted(const engines::Progress& progress) {
  std::string text = "Converting " + progress.unit + " " + std::to_string(progress.done);
  if (progress.total) text += " of " + std::to_string(*progress.total);
  return text;
}

bool is_countable(const std::string& unit) {
  return unit == "page" || unit == "slide" || unit == "sheet" || unit == "image" || unit == "frame";
}

}  // namespace

Track::Track(const Route& route) : route_(route) {
  stage_.count = static_cast<int>(route.size()) + 1;
}

ProgressReport Track::enter(std::size_t index) {
  index_ = index;
  before_ = 0;
  for (std::size_t i = 0; i < index; ++i) before_ += route_[i].weight;
  share_ = before_;
  const int count = stage_.count;
  stage_ = {};
  stage_.name = step().engine->name();
  stage_.index = static_cast<int>(index) + 1;
  stage_.count = count;
  return report(percent(share_, most_measured_progress), "Converting with " + step().engine->title());
}

ProgressReport Track::measured(const engines::Progress& progress) {
  stage_.unit = progress.unit;
  stage_.done = progress.done;
  stage_.total = progress.total;
  stage_.kind = shared::ProgressKind::measured;
  if (progress.total && *progress.total > 0) {
    const double part = static_cast<double>(progress.done) / static_cast<double>(*progress.total);
    share_ = std::max(share_, before_ + step().weight * std::clamp(part, 0.0, 1.0));
  }
  const std::string message =
      is_countable(progress.unit) ? counted(progress) : "Converting with " + step().engine->title();
  return report(percent(share_, most_measured_progress), message);
}

ProgressReport Track::estimated(double share) {
  stage_.kind = shared::ProgressKind::estimated;
  const int progress = percent(before_ + step().weight * share, most_estimated_progress);
  return report(progress, "Converting with " + step().engine->title());
}

ProgressReport Track::finishing() {
  const int count = stage_.count;
  stage_ = {};
  stage_.name = "finishing";
  stage_.index = count;
  stage_.count = count;
  share_ = 1;
  return report(most_measured_progress, "Saving the result");
}

ProgressReport Track::report(int progress, std::string message) const {
  return {progress, std::move(message), stage_};
}

}  // namespace convd::jobs
