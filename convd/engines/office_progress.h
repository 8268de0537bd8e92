#pragma once
// The notes of a warm LibreOffice's child as progress of its step, and as facts about its document. One reader per run.

#include <memory>
#include <string_view>

#include "convd/engines/engine.h"

namespace convd::engines {

// What share of a run's time each phase takes; they sum to 1.
struct PhaseWeights {
  double reading = 0;
  double layout = 0;
  double writing = 0;
};

// The notes are lines of JSON on standard output; other lines are passed over. `unit` is what the writing phase counts,
// empty where its steps mean nothing to people.
std::unique_ptr<ProgressReader> make_office_progress(PhaseWeights weights, std::string_view unit);

}  // namespace convd::engines
