#pragma once
// The progress of one run over all its stages: engine runs by their weights, then `finishing`. Pure.

#include <string>

#include "convd/engines/engine.h"
#include "convd/jobs/job.h"
#include "convd/jobs/planner.h"

namespace convd::jobs {

class Track {
 public:
  // `route` outlives the track and has at least one step. `filename` is what the first one reads.
  Track(const Route& route, std::string filename);

  ProgressReport enter(std::size_t step);
  ProgressReport measured(const engines::Progress& progress);
  // `share` of the current step, 0-0.95. The whole is never estimated above 95.
  ProgressReport estimated(double share);
  ProgressReport finishing();

  // Share of the whole that is done by what was measured, 0-1.
  double share() const { return share_; }

 private:
  ProgressReport report(int progress) const;
  std::string message() const;
  const RouteStep& step() const { return route_[index_]; }

  const Route& route_;
  std::string filename_;
  std::size_t index_ = 0;
  engines::Phase phase_ = engines::Phase::none;
  double before_ = 0;  // weights of the steps behind
  double share_ = 0;
  shared::Stage stage_;
};

}  // namespace convd::jobs
