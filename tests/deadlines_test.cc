#include "convd/jobs/deadlines.h"

#include "tests/support/catch.h"

using namespace convd::jobs;
using namespace std::chrono_literals;
using convd::loop::milliseconds;
using convd::loop::TimePoint;

namespace {

constexpr TimePoint start{1h};
constexpr std::int64_t day_ms = 24 * 3'600'000;

}  // namespace

TEST_CASE("deadlines pass in their order, each once, and none before its time") {
  Deadlines deadlines;
  CHECK_FALSE(deadlines.next(start));
  deadlines.add("b", start + 20ms);
  deadlines.add("a", start + 10ms + 1us);
  deadlines.add("c", start + 20ms);
  CHECK(deadlines.next(start) == 11ms);
  CHECK_FALSE(deadlines.take_passed(start + 10ms));
  CHECK(deadlines.take_passed(start + 11ms) == "a");
  deadlines.remove("c", start + 20ms);
  deadlines.remove("never there", start);
  CHECK(deadlines.next(start + 30ms) == 0ms);
  CHECK(deadlines.take_passed(start + 30ms) == "b");
  CHECK_FALSE(deadlines.take_passed(start + 30ms));
}

TEST_CASE("what a stored deadline leaves is never more than it gave, whatever the clock says") {
  constexpr std::int64_t created = 1'000 * day_ms;
  constexpr std::int64_t deadline = created + 60'000;
  CHECK(deadline_left(created, deadline, created) == 60s);
  CHECK(deadline_left(created, deadline, created + 20'000) == 40s);
  CHECK(deadline_left(created, deadline, created + 365 * day_ms) == 0s);
  CHECK(deadline_left(created, deadline, created - 3'600'000) == 60s);
  CHECK(deadline_left(created, created - 1, created) == 0s);
}
