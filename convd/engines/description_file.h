#pragma once
// Reads the directory engines.d: what is wrong in it stops the start, as a wrong configuration does. Any thread.

#include <string>

#include "convd/engines/described_engine.h"
#include "shared/result.h"

namespace convd::engines {

// All files "*.json" in it, by name; hidden ones are left alone, and a directory that is not there is empty. Errors:
// invalid_option "<path>: $.edges[0].cost: expected a whole number from 1 to ..."; the message is for administrators
// and has host paths.
shared::Result<Described> read_engine_descriptions(const std::string& directory);

}  // namespace convd::engines
