#pragma once
// A header field of the form `value; name=text; other="quoted text"`: Content-Type, Content-Disposition. Pure. Any
// thread.

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "shared/result.h"

namespace convd::api {

struct HeaderValue {
  std::string value;                                        // lower case: "multipart/form-data"
  std::vector<std::pair<std::string, std::string>> params;  // names in lower case, quotes and escapes resolved

  std::optional<std::string> param(std::string_view lower_case_name) const;
};

// In a quoted string only \" and \\ are escapes: browsers send a lone backslash as it is (filename="C:\x").
// Errors: invalid_request, saying what is wrong where. Parameters given twice are refused.
shared::Result<HeaderValue> parse_header_value(std::string_view field);

// An ext-value of RFC 8187, UTF-8''%e2%82%ac, as UTF-8 text. ISO-8859-1 is understood too. Nothing when it is not one.
std::optional<std::string> decode_ext_value(std::string_view text);

// What a body is, from its Content-Type.
enum class BodyType : std::uint8_t { json, urlencoded, multipart, other, absent };
BodyType body_type(std::string_view content_type);

// Where an offer stands with an Accept header: 0 (refused) to 1, by the most specific media range. An absent header
// accepts all; a range with a malformed weight is passed over.
double accept_quality(std::string_view accept, std::string_view media_type);

}  // namespace convd::api
