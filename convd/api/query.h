#pragma once
// Parameters of a query string, checked. Any thread.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "convd/api/exchange.h"
#include "shared/protocol.h"
#include "shared/result.h"

namespace convd::api {

// Nothing when absent. Errors: invalid_request "limit: expected a whole number from 1 to 500, found \"x\"".
shared::Result<std::optional<std::int64_t>> integer_param(const Request& request, std::string_view name,
                                                          std::int64_t least, std::int64_t most);
// One of the five words. Errors: invalid_request listing them.
shared::Result<std::optional<shared::Status>> status_param(const Request& request);

}  // namespace convd::api
