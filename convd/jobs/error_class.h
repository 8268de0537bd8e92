#pragma once
// What the failure of a run calls for, by its error code: one table. Pure.

#include <cstdint>

#include "shared/error_code.h"

namespace convd::jobs {

enum class ErrorClass : std::uint8_t {
  permanent,     // the document or the request: another run would end the same
  transient,     // a crash, a kill, want of memory, a fault of ours: may pass
  resource,      // time has run out
  interruption,  // nobody's failure: counts for nothing, by whatever ends the run again and again
};

// Codes that never end a run are permanent.
ErrorClass error_class(shared::ErrorCode code);

// Whether a conversion that has failed `failures` times, this one with `code` included, runs again. `attempts`: the
// failed runs that any error may cost at most.
bool is_tried_again(shared::ErrorCode code, int failures, int attempts);

// Whether it says of a document that it may bring its engine down.
bool is_crash(shared::ErrorCode code);

// Full jitter lies between nothing and this: the base, doubled for every failure after the first, up to the cap.
std::int64_t longest_pause_ms(int failures, std::int64_t base_ms, std::int64_t cap_ms);

}  // namespace convd::jobs
