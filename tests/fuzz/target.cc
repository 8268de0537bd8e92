// The target of a request: no segment leads upwards, no control byte comes through, and it can be written and read
// again.

#include "convd/transport/request_head.h"

#include "convd/api/exchange.h"
#include "convd/api/query.h"
#include "convd/api/text.h"
#include "tests/fuzz/input.h"

using namespace convd;

namespace {

bool has_control(std::string_view text) {
  return std::any_of(text.begin(), text.end(), [](char c) { return (c >= 0 && c < 0x20) || c == 0x7f; });
}

std::string written(const transport::Target& target) {
  std::string text;
  for (const std::string& segment : target.path) text += "/" + api::percent_encode(segment);
  // One "/" at the end is ignored: a last segment that is empty needs a second.
  if (target.path.empty() || target.path.back().empty()) text += "/";
  for (std::size_t i = 0; i < target.query.size(); ++i) {
    const auto& [name, value] = target.query[i];
    text += (i == 0 ? "?" : "&") + api::percent_encode(name) + "=" + api::percent_encode(value);
  }
  return text;
}

}  // namespace

FUZZ_TARGET(input) {
  const fuzz::Exact text(input.rest());
  const auto target = transport::parse_target(text.text());
  if (!target) return;
  for (const std::string& segment : target->path) {
    fuzz::must(segment != "." && segment != "..", "no segment leads upwards");
    fuzz::must(!has_control(segment) || has_control(text.text()), "no encoded control byte comes through");
  }
  for (const auto& [name, value] : target->query)
    fuzz::must(!has_control(name + value) || has_control(text.text()), "no encoded control byte comes through");
  if (has_control(text.text())) return;  // which the rules for heads have refused before

  const auto again = transport::parse_target(written(*target));
  fuzz::must(again.ok() && again->path == target->path && again->query == target->query,
             "what was read can be written and read again");
  const auto decoded = transport::percent_decode(text.text());
  fuzz::must(!decoded || decoded->size() <= text.text().size(), "decoding makes nothing longer");

  api::Request request;
  request.query = target->query;
  if (const auto number = api::integer_param(request, "limit", 1, 500); number && *number)
    fuzz::must(**number >= 1 && **number <= 500, "a number is in its range");
  (void)api::status_param(request);
}
