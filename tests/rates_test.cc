#include "convd/jobs/rates.h"

#include "tests/support/catch.h"

using convd::jobs::Rate;
using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

namespace {

const Rate::TimePoint start{std::chrono::hours(5)};

}  // namespace

TEST_CASE("a rate counts what lies in the window, to the second") {
  Rate rate(start);
  rate.count(start + seconds(100), 6);
  rate.count(start + seconds(130), 3);
  CHECK(rate.per_minute(start + seconds(130), seconds(60)) == 9);
  CHECK(rate.per_minute(start + seconds(159), seconds(60)) == 9);
  CHECK(rate.per_minute(start + seconds(160), seconds(60)) == 3);
  CHECK(rate.per_minute(start + seconds(190), seconds(60)) == 0);
  CHECK(rate.per_minute(start + seconds(899), minutes(15)) == 9.0 / 15);
  CHECK(rate.per_minute(start + seconds(1'000), minutes(15)) == 3.0 / 15);
  CHECK(rate.per_minute(start + seconds(1'030), minutes(15)) == 0);
}

TEST_CASE("a rate of a short life is over that life") {
  Rate rate(start);
  CHECK(rate.per_minute(start, seconds(60)) == 0);
  rate.count(start + milliseconds(300), 2);
  CHECK(rate.per_minute(start + milliseconds(900), seconds(60)) == 120);
  CHECK(rate.per_minute(start + seconds(9), minutes(15)) == 12);
}

TEST_CASE("places are used again after a quarter of an hour, and after any pause") {
  Rate rate(start);
  for (int second = 0; second < 3'000; ++second) rate.count(start + seconds(second));
  CHECK(rate.per_minute(start + seconds(2'999), seconds(60)) == 60);
  CHECK(rate.per_minute(start + seconds(2'999), minutes(15)) == 60);
  rate.count(start + seconds(2'999 + 900));
  CHECK(rate.per_minute(start + seconds(2'999 + 900), minutes(15)) == 1.0 / 15);
  rate.count(start + seconds(100'000));
  CHECK(rate.per_minute(start + seconds(100'000), minutes(15)) == 1.0 / 15);
}
