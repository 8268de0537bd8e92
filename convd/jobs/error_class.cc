#include "convd/jobs/error_class.h"

#include <algorithm>
#include <array>
#include <limits>

namespace convd::jobs {
namespace {

using shared::ErrorCode;

constexpr int once = 1;
// A stall may be a deadlock, which another run avoids, or a document that hangs its engine: one more run tells.
constexpr int twice = 2;
constexpr int all = std::numeric_limits<int>::max();

struct Row {
  ErrorCode code;
  ErrorClass error_class;
  int runs;  // failed ones before it is final, unless the limit of attempts is lower
  bool crash = false;
};

// What took too long once takes as long again: timed_out is for whoever can give it more time.
constexpr std::array<Row, 13> rows{{
    {ErrorCode::unsupported_conversion, ErrorClass::permanent, once},
    {ErrorCode::input_invalid, ErrorClass::permanent, once},
    {ErrorCode::input_encrypted, ErrorClass::permanent, once},
    {ErrorCode::input_too_large, ErrorClass::permanent, once},
    {ErrorCode::engine_failed, ErrorClass::permanent, once},
    {ErrorCode::engine_crashed, ErrorClass::transient, all, true},
    {ErrorCode::timed_out, ErrorClass::resource, once},
    {ErrorCode::stalled, ErrorClass::resource, twice},
    {ErrorCode::output_too_large, ErrorClass::permanent, once},
    {ErrorCode::out_of_memory, ErrorClass::transient, all, true},
    {ErrorCode::cancelled_by_user, ErrorClass::permanent, once},
    {ErrorCode::interrupted, ErrorClass::interruption, once},
    {ErrorCode::internal, ErrorClass::transient, all},
}};

constexpr Row row_of(ErrorCode code) {
  for (const Row& row : rows) {
    if (row.code == code) return row;
  }
  return {code, ErrorClass::permanent, once};
}

}  // namespace

ErrorClass error_class(ErrorCode code) {
  return row_of(code).error_class;
}

bool is_tried_again(ErrorCode code, int failures, int attempts) {
  return failures < std::min(attempts, row_of(code).runs);
}

bool is_crash(ErrorCode code) {
  return row_of(code).crash;
}

std::int64_t longest_pause_ms(int failures, std::int64_t base_ms, std::int64_t cap_ms) {
  std::int64_t pause_ms = base_ms;
  for (int doubled = 1; doubled < failures && pause_ms < cap_ms; ++doubled) pause_ms *= 2;
  return std::clamp<std::int64_t>(pause_ms, 0, cap_ms);
}

}  // namespace convd::jobs
