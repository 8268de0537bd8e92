#pragma once
// What is wrong with the bytes of a request. Pure. Any thread.

#include <string>
#include <utility>

#include "shared/result.h"

namespace convd::transport {

inline shared::Error invalid(std::string message) {
  return {shared::ErrorCode::invalid_request, std::move(message), {}};
}

}  // namespace convd::transport
