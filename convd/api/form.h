#pragma once
// application/x-www-form-urlencoded bodies. Pure. Any thread.

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "shared/result.h"

namespace convd::api {

using FormFields = std::vector<std::pair<std::string, std::string>>;  // in order

inline constexpr std::size_t most_form_fields = 256;

// Errors: invalid_request for a '%' without two hex digits, text that is not UTF-8, or too many fields.
shared::Result<FormFields> parse_form(std::string_view body);

}  // namespace convd::api
