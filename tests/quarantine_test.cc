#include "convd/jobs/quarantine.h"

#include "tests/support/catch.h"

using namespace convd::jobs;
using convd::store::PoisonRow;

namespace {

constexpr std::int64_t day = 24 * 3'600'000;
constexpr std::int64_t now = 100 * day;

const EngineVersion office{"office", "7.4"};
const EngineVersion poppler{"poppler", "22"};

Quarantine three() {
  return Quarantine({3, day, 10});
}

Evidence crash(const EngineVersion& engine, const std::string& document = "bad") {
  return {document, {}, engine};
}

bool kept(const Quarantine& quarantine, const EngineVersion& engine, std::int64_t when = now) {
  return quarantine.refusal("bad", {engine}, when).has_value();
}

}  // namespace

TEST_CASE("the third crash keeps a document from its engine, and from no other") {
  Quarantine quarantine = three();
  for (int crashes = 1; crashes <= 3; ++crashes) {
    CHECK_FALSE(kept(quarantine, office));
    const auto rows = quarantine.hear(crash(office), now);
    REQUIRE(rows.size() == 1);
    CHECK(rows[0].crashes == crashes);
  }
  CHECK(kept(quarantine, office));
  CHECK_FALSE(kept(quarantine, poppler));
  CHECK_FALSE(quarantine.refusal("good", {office}, now));
  const auto refusal = quarantine.refusal("bad", {poppler, office}, now);
  REQUIRE(refusal);
  CHECK(refusal->engine == "office");
  CHECK(refusal->sentence ==
        "The engine office crashed 3 times on this document and is not given it again before 1970-04-12T00:00:00.000Z, "
        "unless another version of it is installed");
}

TEST_CASE("a quarantine ends with its time, and what crashed before it counts for nothing") {
  Quarantine quarantine = three();
  for (int i = 0; i < 3; ++i) quarantine.hear(crash(office), now);
  CHECK(kept(quarantine, office, now + day - 1));
  CHECK_FALSE(kept(quarantine, office, now + day));
  quarantine.hear(crash(office), now + day);
  CHECK_FALSE(kept(quarantine, office, now + day));
}

TEST_CASE("another version of the engine gets the document, one that is not known yet does not") {
  Quarantine quarantine = three();
  for (int i = 0; i < 3; ++i) quarantine.hear(crash(office), now);
  CHECK(kept(quarantine, {"office", ""}));
  CHECK_FALSE(kept(quarantine, {"office", "7.5"}));
  quarantine.hear(crash({"office", "7.5"}), now);
  CHECK_FALSE(kept(quarantine, {"office", "7.5"}));
  // Crashes before the version was known are those of this version.
  Quarantine early = three();
  early.hear(crash({"office", ""}), now);
  early.hear(crash(office), now);
  CHECK(early.hear(crash({"office", ""}), now).at(0).version == "7.4");
  CHECK(kept(early, office));
}

TEST_CASE("a success lifts it, but not in the run that crashes the same engine") {
  Quarantine quarantine = three();
  for (int i = 0; i < 3; ++i) quarantine.hear({"bad", {"office", "poppler"}, office}, now);
  CHECK(kept(quarantine, office));
  CHECK(quarantine.hear({"good", {"office"}, {}}, now).empty());
  const auto rows = quarantine.hear({"bad", {"office"}, {}}, now);
  REQUIRE(rows.size() == 1);
  CHECK(rows[0].sha256 == "bad");
  CHECK(rows[0].crashes == 0);
  CHECK_FALSE(kept(quarantine, office));
  CHECK_FALSE(quarantine.knows("bad"));
}

TEST_CASE("the runner has a limit of its own") {
  Quarantine quarantine = three();
  const EngineVersion runner{std::string(runner_as_engine), "1"};
  for (int i = 0; i < 9; ++i) quarantine.hear(crash(runner), now);
  CHECK_FALSE(kept(quarantine, runner));
  quarantine.hear(crash(runner), now);
  CHECK(quarantine.refusal("bad", {runner}, now)->sentence ==
        "The runner was lost 10 times while it ran nothing but this document, which is not run again before "
        "1970-04-12T00:00:00.000Z");
}

TEST_CASE("switched off it keeps nothing and writes nothing") {
  Quarantine quarantine({0, day, 10});
  for (int i = 0; i < 20; ++i) CHECK(quarantine.hear(crash(office), now).empty());
  CHECK_FALSE(kept(quarantine, office));
  CHECK_FALSE(quarantine.knows("bad"));
}

TEST_CASE("what is stored counts on after a restart, and goes when it has had its time") {
  Quarantine quarantine = three();
  const auto expired =
      quarantine.load({{"bad", "office", "7.4", 2, now - 1}, {"old", "office", "7.4", 9, now - day}}, now);
  REQUIRE(expired.size() == 1);
  CHECK(expired[0].sha256 == "old");
  CHECK(expired[0].crashes == 0);
  quarantine.hear(crash(office), now);
  CHECK(kept(quarantine, office));
}

TEST_CASE("a clock that was wrong makes it last twice as long at most") {
  Quarantine ahead = three();
  for (int i = 0; i < 3; ++i) ahead.hear(crash(office), now + 365 * day);
  CHECK_FALSE(kept(ahead, office));
  Quarantine back = three();
  for (int i = 0; i < 3; ++i) back.hear(crash(office), now + 3'600'000);
  CHECK(kept(back, office));
}

TEST_CASE("there is a limit to what is remembered: the oldest goes") {
  Quarantine quarantine = three();
  for (int i = 0; i < Quarantine::most_rows; ++i) quarantine.hear(crash(office, "d" + std::to_string(i)), now + i);
  const auto rows = quarantine.hear(crash(office, "one more"), now + Quarantine::most_rows);
  REQUIRE(rows.size() == 2);
  CHECK(rows[0].sha256 == "d0");
  CHECK(rows[0].crashes == 0);
  CHECK_FALSE(quarantine.knows("d0"));
  CHECK(quarantine.knows("d1"));
}
