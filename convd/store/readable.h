#pragma once
// What the store cannot read, a damaged row or a disk that fails, is an error for whoever asked and for nobody else.

#include <exception>
#include <type_traits>

#include "convd/store/log.h"
#include "shared/result.h"

namespace convd::store {

// For whoever asked. What was wrong is for the log: it names paths of this machine.
inline shared::Error cannot_answer() {
  return {shared::ErrorCode::unavailable, "the store cannot answer this now; the log of convd says why", {}};
}

// unavailable, in place of what `read` throws. Loop thread, like the readings of Store.
template <typename Read>
shared::Result<std::invoke_result_t<Read>> readable(Read read) {
  try {
    return read();
  } catch (const std::exception& error) {
    log()->error("the store could not be read: {}", error.what());
    return cannot_answer();
  }
}

}  // namespace convd::store
