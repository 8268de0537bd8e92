#include "convd/jobs/twins.h"

#include "tests/support/catch.h"

using convd::jobs::Twins;
using Ids = std::vector<std::string>;

TEST_CASE("the first of its kind leads, the others follow it") {
  Twins twins;
  CHECK(twins.join("k", "a", 5));
  CHECK_FALSE(twins.join("k", "b", 5));
  CHECK_FALSE(twins.join("k", "c", 5));
  CHECK(twins.join("other", "x", 5));
  CHECK(twins.leader_of("b") == "a");
  CHECK(twins.leader_of("c") == "a");
  CHECK_FALSE(twins.leader_of("a"));
  CHECK_FALSE(twins.leader_of("x"));
  CHECK_FALSE(twins.leader_of("nobody"));
  CHECK(twins.followers_of("a") == Ids{"b", "c"});
  CHECK(twins.followers_of("b").empty());
  CHECK(twins.is_followed("a"));
  CHECK_FALSE(twins.is_followed("b"));
  CHECK_FALSE(twins.is_followed("x"));
}

TEST_CASE("who leads and leaves is followed by the one who came first") {
  Twins twins;
  for (const auto* id : {"a", "b", "c", "d"}) twins.join("k", id, 5);
  CHECK(twins.leave("c") == std::nullopt);
  CHECK(twins.leave("a") == "b");
  CHECK(twins.leader_of("d") == "b");
  CHECK_FALSE(twins.leader_of("b"));
  CHECK(twins.followers_of("b") == Ids{"d"});
  CHECK(twins.leave("b") == "d");
  CHECK(twins.leave("d") == std::nullopt);
  CHECK(twins.leave("d") == std::nullopt);
  CHECK(twins.join("k", "e", 5));
}

TEST_CASE("an end of all leaves nobody behind") {
  Twins twins;
  for (const auto* id : {"a", "b", "c"}) twins.join("k", id, 5);
  CHECK(twins.disband("a") == Ids{"b", "c"});
  CHECK_FALSE(twins.leader_of("b"));
  CHECK(twins.leave("b") == std::nullopt);
  CHECK(twins.join("k", "b", 5));
  CHECK(twins.disband("b").empty());
  CHECK(twins.disband("nobody").empty());
}

TEST_CASE("whoever waits for the same waits with the highest priority among them") {
  Twins twins;
  twins.join("k", "a", 2);
  CHECK(twins.priority_of("a", 2) == 2);
  twins.join("k", "b", 7);
  twins.join("k", "c", 7);
  CHECK(twins.priority_of("a", 2) == 7);
  twins.leave("b");
  CHECK(twins.priority_of("a", 2) == 7);
  twins.leave("c");
  CHECK(twins.priority_of("a", 2) == 2);
  CHECK(twins.priority_of("nobody", 4) == 4);
}

TEST_CASE("the end of one who follows is nobody else's") {
  Twins twins;
  for (const auto* id : {"a", "b", "c"}) twins.join("k", id, 5);
  CHECK(twins.disband("b").empty());
  CHECK(twins.leader_of("b") == "a");
  CHECK(twins.followers_of("a") == Ids{"b", "c"});
}
