// An urlencoded body: what was read can be written and read again, and a submission made of it keeps to the table.

#include "convd/api/form.h"

#include "convd/api/submission.h"
#include "convd/api/text.h"
#include "shared/utf8.h"
#include "tests/fuzz/input.h"

using namespace convd::api;

FUZZ_TARGET(input) {
  const fuzz::Exact body(input.rest());
  const auto fields = parse_form(body.text());
  if (!fields) return;
  fuzz::must(fields->size() <= most_form_fields, "no more fields than allowed");
  std::string written;
  for (const auto& [name, value] : *fields) {
    fuzz::must(shared::is_utf8(name) && shared::is_utf8(value), "fields are text");
    written += "&" + percent_encode(name) + "=" + percent_encode(value);
  }
  const auto again = parse_form(written);
  fuzz::must(again.ok() && *again == *fields, "what was read can be written and read again");

  const auto submission = read_form_submission(*fields);
  if (!submission) {
    fuzz::must(!submission.error().message.empty(), "a refusal says why");
    return;
  }
  fuzz::must(submission->priority >= 0 && submission->priority <= 9, "a priority is in its range");
  fuzz::must(submission->deadline_ms.value_or(0) >= 0, "a time is not negative");
}
