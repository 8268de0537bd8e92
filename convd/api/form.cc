#include "convd/api/form.h"

#include <algorithm>

#include "convd/api/text.h"
#include "shared/utf8.h"

namespace convd::api {
namespace {

using shared::Error;
using shared::ErrorCode;
using shared::Result;

Result<std::string> decode(std::string_view text) {
  std::string spaced(text);
  std::replace(spaced.begin(), spaced.end(), '+', ' ');
  auto decoded = percent_decode(spaced);
  if (!decoded) return Error{ErrorCode::invalid_request, "form body: \"%\" must be followed by two hex digits", {}};
  if (!shared::is_utf8(*decoded)) return Error{ErrorCode::invalid_request, "form body: not valid UTF-8", {}};
  return *std::move(decoded);
}

}  // namespace

Result<FormFields> parse_form(std::string_view body) {
  FormFields fields;
  while (!body.empty()) {
    const std::string_view pair = body.substr(0, body.find('&'));
    body.remove_prefix(std::min(pair.size() + 1, body.size()));
    if (pair.empty()) continue;
    const std::size_t equals = std::min(pair.find('='), pair.size());
    auto name = decode(pair.substr(0, equals));
    if (!name) return name.error();
    auto value = decode(pair.substr(std::min(equals + 1, pair.size())));
    if (!value) return value.error();
    fields.emplace_back(*std::move(name), *std::move(value));
    if (fields.size() > most_form_fields) {
      return Error{
          ErrorCode::invalid_request, "form body: more than " + std::to_string(most_form_fields) + " fields", {}};
    }
  }
  return fields;
}

}  // namespace convd::api
