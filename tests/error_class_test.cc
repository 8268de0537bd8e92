#include "convd/jobs/error_class.h"

#include <map>

#include "tests/support/catch.h"

using namespace convd::jobs;
using shared::ErrorCode;

namespace {

struct Expected {
  ErrorClass error_class;
  int runs;  // with three attempts
  bool crash;
};

// Every code that can end a run.
const std::map<ErrorCode, Expected> expected{
    {ErrorCode::unsupported_conversion, {ErrorClass::permanent, 1, false}},
    {ErrorCode::input_invalid, {ErrorClass::permanent, 1, false}},
    {ErrorCode::input_encrypted, {ErrorClass::permanent, 1, false}},
    {ErrorCode::input_too_large, {ErrorClass::permanent, 1, false}},
    {ErrorCode::engine_failed, {ErrorClass::permanent, 1, false}},
    {ErrorCode::engine_crashed, {ErrorClass::transient, 3, true}},
    {ErrorCode::timed_out, {ErrorClass::resource, 1, false}},
    {ErrorCode::stalled, {ErrorClass::resource, 2, false}},
    {ErrorCode::output_too_large, {ErrorClass::permanent, 1, false}},
    {ErrorCode::out_of_memory, {ErrorClass::transient, 3, true}},
    {ErrorCode::cancelled_by_user, {ErrorClass::permanent, 1, false}},
    {ErrorCode::interrupted, {ErrorClass::interruption, 1, false}},
    {ErrorCode::internal, {ErrorClass::transient, 3, false}},
};

int runs(ErrorCode code, int attempts) {
  int failures = 1;
  while (is_tried_again(code, failures, attempts)) ++failures;
  return failures;
}

}  // namespace

TEST_CASE("every code has its class, and its number of runs") {
  for (int i = 0; i < shared::error_code_count; ++i) {
    const auto code = static_cast<ErrorCode>(i);
    INFO(shared::to_string(code));
    const auto found = expected.find(code);
    const Expected row = found == expected.end() ? Expected{ErrorClass::permanent, 1, false} : found->second;
    CHECK(error_class(code) == row.error_class);
    CHECK(runs(code, 3) == row.runs);
    CHECK(is_crash(code) == row.crash);
    CHECK(runs(code, 1) == 1);
    CHECK(runs(code, 9) == (row.runs == 3 ? 9 : row.runs));
  }
}

TEST_CASE("what may pass is told as retryable, what the document is to blame for is not") {
  for (const auto& [code, row] : expected) {
    INFO(shared::to_string(code));
    if (code == ErrorCode::cancelled_by_user) continue;  // by choice
    if (row.error_class == ErrorClass::transient) CHECK(shared::is_retryable(code));
    if (row.error_class == ErrorClass::interruption) CHECK(shared::is_retryable(code));
    if (row.error_class == ErrorClass::permanent) CHECK_FALSE(shared::is_retryable(code));
  }
}

TEST_CASE("the pause doubles from the base to the cap, and no number of failures is too much") {
  CHECK(longest_pause_ms(1, 1'000, 300'000) == 1'000);
  CHECK(longest_pause_ms(2, 1'000, 300'000) == 2'000);
  CHECK(longest_pause_ms(9, 1'000, 300'000) == 256'000);
  CHECK(longest_pause_ms(10, 1'000, 300'000) == 300'000);
  CHECK(longest_pause_ms(1'000'000, 1'000, 300'000) == 300'000);
  CHECK(longest_pause_ms(1, 5'000, 2'000) == 2'000);
  CHECK(longest_pause_ms(7, 0, 2'000) == 0);
}
