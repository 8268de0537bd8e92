#pragma once
// The trace id of a request (W3C Trace Context). Any thread.

#include <string>
#include <string_view>

namespace convd::api {

// The 32 hex digits of a valid `traceparent`, else random ones: a malformed header is ignored, as the standard asks.
std::string trace_id_from(std::string_view traceparent);
std::string random_trace_id();

}  // namespace convd::api
