#pragma once
// Which of a conversion's options belong to which step of its route. Pure.

#include <cstddef>

#include "convd/engines/engine.h"
#include "convd/jobs/planner.h"

namespace convd::jobs {

// A page range or a password is meant for the input: the first step that knows it gets it. A password of the result is
// for the last step. The others go to every step that knows them for the target of the whole.
engines::Options step_options(const Route& route, std::size_t index, const engines::Options& options);

// As options_for() wants it.
std::vector<engines::Leg> legs_of(const Route& route);

}  // namespace convd::jobs
