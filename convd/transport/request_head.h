#pragma once
// The target of a request, taken apart. Pure. Any thread.

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "shared/result.h"

namespace convd::transport {

struct Target {
  std::string authority;                                   // of the absolute form: "host:80"; else empty
  std::vector<std::string> path;                           // "/v1/a%2Fb" is {"v1", "a/b"}; "/" is empty
  std::vector<std::pair<std::string, std::string>> query;  // in order; a name without "=" has an empty value
};

// Accepts the origin form ("/path?query") and the absolute form ("http://host/path"). A segment "." or ".." (however
// encoded) and an encoded control byte are refused with invalid_request; so is a "%" that no two hex digits follow. One
// "/" at the end is ignored, an empty segment elsewhere is kept. In the query "+" is a space.
shared::Result<Target> parse_target(std::string_view target);

// Undoes percent-encoding. Errors as above.
shared::Result<std::string> percent_decode(std::string_view text);

}  // namespace convd::transport
