#pragma once
// The header field Idempotency-Key: a structured string (RFC 8941) or a bare word. Pure. Any thread.

#include <optional>
#include <string>

#include "convd/api/exchange.h"
#include "shared/result.h"

namespace convd::api {

// The key without quotes and escapes; nothing when the request has none. Errors: invalid_request for anything but 1 to
// 255 visible ASCII characters, and for several keys.
shared::Result<std::optional<std::string>> idempotency_key(const Request& request);

}  // namespace convd::api
