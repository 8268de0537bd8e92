#include "convd/jobs/slots.h"

#include "tests/support/catch.h"

using convd::jobs::Length;
using convd::jobs::Room;
using convd::jobs::SlotLimits;
using convd::jobs::Slots;

namespace {

constexpr double quick = 500;
constexpr double slow = 60'000;

}  // namespace

TEST_CASE("without short slots everything is the same") {
  Slots slots({2, 0, 2'000, 0});
  slots.take("a", "org", slow, 0);
  CHECK(slots.room(0) == Room::any);
  slots.take("b", "org", quick, 0);
  CHECK(slots.room(0) == Room::none);
  slots.release("a");
  slots.release("a");
  CHECK(slots.running() == 1);
  CHECK(slots.room(0) == Room::any);
}

TEST_CASE("long ones never take what is kept for short ones") {
  Slots slots({2, 1, 2'000, 0});
  slots.take("a", "org", slow, 0);
  slots.take("b", "org", slow, 0);
  CHECK(slots.room(0) == Room::short_only);
  slots.take("c", "org", quick, 0);
  CHECK(slots.room(0) == Room::none);
  slots.release("a");
  CHECK(slots.room(0) == Room::any);
}

TEST_CASE("short ones take any slot, and leave the others to long ones") {
  Slots slots({2, 1, 2'000, 0});
  slots.take("a", "org", quick, 0);
  slots.take("b", "org", quick, 0);
  CHECK(slots.room(0) == Room::any);
  slots.take("c", "org", slow, 0);
  CHECK(slots.room(0) == Room::none);
  slots.release("a");
  slots.take("d", "org", slow, 0);
  slots.release("b");
  CHECK(slots.room(0) == Room::short_only);
}

TEST_CASE("what takes longer than it should counts as long from then on") {
  Slots slots({1, 1, 2'000, 0});
  slots.take("a", "org", quick, 1'000);
  CHECK(slots.running_short(2'999) == 1);
  CHECK(slots.counts_as("a", 2'999) == Length::short_work);
  CHECK(slots.room(2'999) == Room::any);
  CHECK(slots.running_short(3'000) == 0);
  CHECK(slots.counts_as("a", 3'000) == Length::long_work);
  CHECK(slots.room(3'000) == Room::short_only);
  slots.release("a");
  CHECK(slots.room(3'000) == Room::any);
  CHECK(slots.length_of(2'000) == Length::short_work);
  CHECK(slots.length_of(2'001) == Length::long_work);
}

TEST_CASE("one org has no more slots than it may") {
  Slots slots({3, 1, 2'000, 2});
  slots.take("a", "one", slow, 0);
  CHECK(slots.is_open_to("one"));
  slots.take("b", "one", quick, 0);
  CHECK_FALSE(slots.is_open_to("one"));
  CHECK(slots.is_open_to("two"));
  CHECK(slots.running_of("one") == 2);
  slots.release("b");
  CHECK(slots.is_open_to("one"));
  CHECK(slots.running_of("two") == 0);
}

TEST_CASE("what nobody uses is lent once, and never what is kept for short ones") {
  Slots slots({4, 2, 2'000, 0});
  slots.take("a", "org", slow, 0);
  CHECK(slots.lend("a") == 3);
  slots.take("b", "org", slow, 0);
  CHECK(slots.lend("b") == 0);
  CHECK(slots.room(0) == Room::any);
  slots.release("a");
  CHECK(slots.lend("b") == 3);
  CHECK(slots.lend("nobody") == 0);
}
