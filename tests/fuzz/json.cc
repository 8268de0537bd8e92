// JSON: what was accepted is text within the limits, and is read again as the same.

#include "shared/json.h"

#include "convd/api/submission.h"
#include "shared/utf8.h"
#include "tests/fuzz/input.h"

using shared::Json;

namespace {

constexpr shared::JsonLimits limits{.size_bytes = 4096, .depth = 16};

// How deep it really is; every reader is tried on the way.
int depth_of(const shared::JsonReader& json) {
  int below = 0;
  if (const auto items = json.items()) {
    for (const auto& item : *items) below = std::max(below, depth_of(item));
  } else if (const auto members = json.members()) {
    for (const auto& [name, member] : *members) {
      fuzz::must(shared::is_utf8(name), "names are text");
      below = std::max(below, depth_of(member));
    }
  } else if (const auto text = json.string()) {
    fuzz::must(shared::is_utf8(*text) && text->find('\0') == std::string::npos, "strings are text without NUL");
    return 0;
  } else if (const auto whole = json.integer(-5, 5)) {
    fuzz::must(*whole >= -5 && *whole <= 5, "whole numbers are in their range");
    return 0;
  } else {
    return 0;
  }
  return below + 1;
}

}  // namespace

FUZZ_TARGET(input) {
  const fuzz::Exact text(input.rest());
  const auto json = Json::parse(text.text(), limits);
  if (!json) {
    fuzz::must(shared::is_utf8(json.error().message), "a refusal is text");
    return;
  }
  fuzz::must(text.text().size() <= limits.size_bytes, "nothing over the limit is accepted");
  fuzz::must(depth_of(json->read()) <= limits.depth, "nothing deeper than the limit is accepted");
  const std::string once = json->dump();
  const auto again = Json::parse(once, {.size_bytes = 1 << 20, .depth = limits.depth});
  fuzz::must(again.ok(), "what is written can be read");
  fuzz::must(again->dump() == once, "what was read is written as the same");
  fuzz::must(once.find('\n') == std::string::npos, "it is one line");
  (void)convd::api::read_submission(json->read());
}
