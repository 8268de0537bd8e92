#include "convd/api/query.h"

#include "convd/api/text.h"

namespace convd::api {

using shared::Error;
using shared::ErrorCode;
using shared::Result;

Result<std::optional<std::int64_t>> integer_param(const Request& request, std::string_view name, std::int64_t least,
                                                  std::int64_t most) {
  const auto text = request.param(name);
  if (!text) return std::optional<std::int64_t>();
  const auto number = whole_number(*text);
  if (!number || *number < least || *number > most) {
    return Error{ErrorCode::invalid_request,
                 std::string(name) + ": expected a whole number from " + std::to_string(least) + " to " +
                     std::to_string(most) + ", found \"" + *text + "\"",
                 {}};
  }
  return number;
}

Result<std::optional<shared::Status>> status_param(const Request& request) {
  const auto text = request.param("status");
  if (!text) return std::optional<shared::Status>();
  const auto status = shared::status_from(*text);
  if (status) return status;
  return Error{ErrorCode::invalid_request,
               "status: expected one of pending, processing, completed, error, cancelled, found \"" + *text + "\"",
               {}};
}

}  // namespace convd::api
