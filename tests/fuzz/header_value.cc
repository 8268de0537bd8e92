// "value; name=text" of Content-Type, Content-Disposition and Accept.

#include "convd/api/header_value.h"

#include "convd/api/multipart.h"
#include "convd/api/text.h"
#include "shared/utf8.h"
#include "tests/fuzz/input.h"

using namespace convd::api;

namespace {

std::string written(const HeaderValue& value) {
  std::string text = value.value;
  for (const auto& [name, param] : value.params) {
    text += "; " + name + "=\"";
    for (const char c : param) text += std::string(c == '"' || c == '\\' ? "\\" : "") + c;
    text += '"';
  }
  return text;
}

}  // namespace

FUZZ_TARGET(input) {
  const fuzz::Exact field(input.rest());
  if (const auto value = parse_header_value(field.text())) {
    for (const auto& [name, text] : value->params)
      fuzz::must(is_token(name) && lower(name) == name, "names are tokens");
    const auto again = parse_header_value(written(*value));
    fuzz::must(again.ok() && again->value == value->value && again->params == value->params,
               "what was read can be written and read again");
  }
  if (const auto text = decode_ext_value(field.text())) fuzz::must(shared::is_utf8(*text), "a decoded name is text");
  const double quality = accept_quality(field.text(), "application/pdf");
  fuzz::must(quality >= 0 && quality <= 1, "a quality is from 0 to 1");
  (void)body_type(field.text());
  if (const auto boundary = MultipartParser::boundary_of(field.text()))
    fuzz::must(!boundary->empty() && boundary->size() <= 70, "a boundary has 1 to 70 characters");
}
