// What goes after its time, or because it is too much: results, documents, conversions.

#include "convd/jobs/retention.h"

#include "tests/support/house.h"

using namespace std::chrono_literals;
using convd::jobs::Settings;
using tests::a_docx;
using tests::House;

namespace {

constexpr std::int64_t day_ms = 86'400'000;
constexpr auto day = std::chrono::hours(24);

using Story = std::vector<std::string>;

// As while the machine slept: an hour more than asked for, because after a jump of the clock nothing goes for one.
void pass(House& house, std::chrono::hours time) {
  house.loop.set_wall(house.loop.wall() + time);
  house.loop.advance(62min);
}

std::string converted(House& house, const std::string& filename, const std::string& result,
                      const std::string& org = "uid:1") {
  const std::string id = house.accepted(house.upload(filename, a_docx, org));
  house.succeed(id, {{"source.pdf", result}});
  return id;
}

shared::Error refusal(House& house, const std::string& id) {
  const auto handle = house.manager().result("uid:1", id, {});
  REQUIRE_FALSE(handle);
  return handle.error();
}

bool has_files(House& house, const std::string& id) {
  auto walk = house.store.files().walk_results();
  for (const std::string& name : walk.next(1'000)) {
    if (name == id) return true;
  }
  return false;
}

}  // namespace

TEST_CASE("a result goes when its time is over, and says when and why") {
  House house;
  const std::string id = converted(house, "a.docx", "early");
  const auto before = house.status(id);
  pass(house, 5 * day);
  const std::string later = converted(house, "b.docx", "later");
  CHECK(house.result_text(id) == "early");
  pass(house, 2 * day);

  CHECK(house.result_text(id) == "result_gone");
  CHECK(house.result_text(later) == "later");
  CHECK_FALSE(has_files(house, id));
  const auto after = house.status(id);
  REQUIRE(after.result);
  REQUIRE(after.result->gone_at);
  CHECK(refusal(house, id).message == "the result was removed at " + *after.result->gone_at +
                                          " because it was older than results are kept here (keep_results):"
                                          " convert again");
  CHECK(house.store.story(id) ==
        Story{"conversion.pending", "conversion.processing", "conversion.completed", "conversion.result_removed"});
  CHECK(house.store.log().back().data_json == shared::to_json(after).dump());

  // The rest of the status object is as it was.
  auto restored = after;
  restored.result->gone_at.reset();
  restored.rev = before.rev;
  CHECK(after.rev == before.rev + 1);
  CHECK(shared::to_json(restored).dump() == shared::to_json(before).dump());
  CHECK(house.manager().storage().results_removed.at("age") == 1);
  CHECK(house.manager().usage("uid:1").stored.results == 1);
}

TEST_CASE("the parts of a result and the picture of its first page go with it") {
  House house;
  auto submission = house.upload("a.pdf", tests::a_pdf);
  submission.to = "png";
  const std::string id = house.accepted(std::move(submission));
  house.succeed(id, {{"source-1.png", "one"}, {"source-2.png", "two"}});
  const std::string part = house.status(id).result->parts.front().name;
  CHECK(house.result_text(id, part) == "one");
  pass(house, 7 * day);
  CHECK(house.result_text(id, part) == "result_gone");
  CHECK(house.manager().result("uid:1", id, "no such part").error().code == shared::ErrorCode::not_found);
}

TEST_CASE("when all results are too much, the oldest go, but never the newest") {
  Settings settings;
  settings.results_bytes = 25;
  House house(settings);
  const std::string first = converted(house, "a.docx", std::string(10, 'a'));
  const std::string second = converted(house, "b.docx", std::string(10, 'b'), "uid:2");
  house.loop.advance(1min);
  CHECK(house.result_text(first) == std::string(10, 'a'));
  const std::string third = converted(house, "c.docx", std::string(10, 'c'));
  house.loop.advance(1min);
  CHECK(refusal(house, first).message.find("(results_limit)") != std::string::npos);
  CHECK(house.store.has_result(second));
  CHECK(house.result_text(third) == std::string(10, 'c'));

  const std::string huge = converted(house, "d.docx", std::string(100, 'd'));
  house.loop.advance(1min);
  CHECK_FALSE(house.store.has_result(second));
  CHECK_FALSE(house.store.has_result(third));
  CHECK(house.result_text(huge) == std::string(100, 'd'));
  CHECK(house.manager().storage().results_removed.at("size") == 3);
  CHECK(house.manager().storage().results_removed.at("age") == 0);
}

TEST_CASE("many go in slices, and each only once") {
  Settings settings;
  settings.slots = 1;
  House house(settings);
  std::vector<std::string> ids;
  for (int i = 0; i < 100; ++i) ids.push_back(converted(house, "a.docx", "x"));
  pass(house, 7 * day);
  for (const std::string& id : ids) {
    CHECK(house.store.story(id).back() == "conversion.result_removed");
    CHECK(house.store.story(id).size() == 4);
    CHECK_FALSE(has_files(house, id));
  }
}

TEST_CASE("files go after the commit: what cannot be written keeps them") {
  House house;
  const std::string id = converted(house, "a.docx", "kept");
  house.store.fail_commits(shared::Error{shared::ErrorCode::unavailable, "the disk is away", {}});
  pass(house, 8 * day);
  CHECK(house.result_text(id) == "kept");
  house.store.fail_commits(std::nullopt);
  house.loop.advance(1min);
  CHECK(house.result_text(id) == "result_gone");
}

TEST_CASE("documents nobody uses go when they are not kept for ever") {
  Settings settings;
  settings.keep_documents_ms = 10 * day_ms;
  settings.slots = 1;
  settings.stall_timeout_ms = settings.attempt_timeout_ms = 1'000 * day_ms;
  House house(settings);
  converted(house, "idle.docx", "x");
  converted(house, "used.docx", "x");
  pass(house, 8 * day);
  (void)house.accepted(house.library("used.docx"));
  pass(house, 3 * day);
  CHECK_FALSE(house.manager().document("uid:1", "idle.docx"));
  CHECK(house.manager().document("uid:1", "used.docx"));
  CHECK(house.store.story("idle.docx") == Story{"document.created", "document.removed"});
  CHECK(house.manager().storage().documents_removed == 1);

  // A conversion that still waits keeps the bytes.
  const std::string id = house.accepted(house.upload("new.docx", a_docx + "new"));
  const std::string sha256 = house.store.conversion(id)->input_sha256;
  pass(house, 11 * day);
  CHECK_FALSE(house.manager().document("uid:1", "new.docx"));
  CHECK(house.store.files().open_blob(sha256));
}

TEST_CASE("what ended long ago is forgotten, and nothing else") {
  Settings settings;
  settings.slots = 1;
  settings.stall_timeout_ms = settings.attempt_timeout_ms = 1'000 * day_ms;
  House house(settings);
  const std::string old = converted(house, "a.docx", "x");
  const std::string failed = house.accepted(house.library("a.docx"));
  house.spawner.ends(house.child_of(failed), convd::process::End::exited, 1);
  house.loop.turn();
  const std::string running = house.accepted(house.library("a.docx"));
  const std::string waiting = house.accepted(house.library("a.docx"));
  pass(house, 90 * day);
  CHECK(house.manager().status("uid:1", old).error().code == shared::ErrorCode::conversion_not_found);
  CHECK_FALSE(house.store.conversion(failed));
  CHECK_FALSE(has_files(house, old));
  CHECK(house.store.story(old).back() == "conversion.removed");
  CHECK(house.fate(running) == "processing");
  CHECK(house.fate(waiting) == "pending");
  CHECK(house.manager().storage().conversions_removed == 2);
}

TEST_CASE("nothing goes for an hour after the clock has jumped") {
  Settings settings;
  settings.keep_history_ms = 0;
  House house(settings);
  const std::string id = converted(house, "a.docx", "still here");
  house.loop.advance(1min);
  house.loop.set_wall(house.loop.wall() + 365 * day);
  house.loop.advance(30min);
  CHECK(house.result_text(id) == "still here");
  SECTION("and when it is set right in between, nothing was lost") {
    house.loop.set_wall(house.loop.wall() - 365 * day);
    pass(house, 5 * day);
    CHECK(house.result_text(id) == "still here");
  }
  SECTION("and when it stays, that is the time") {
    house.loop.advance(31min);
    CHECK(house.result_text(id) == "result_gone");
  }
}

TEST_CASE("what is too much goes although the clock has jumped") {
  Settings settings;
  settings.results_bytes = 25;
  settings.keep_history_ms = 0;
  House house(settings);
  const std::string first = converted(house, "a.docx", std::string(10, 'a'));
  house.loop.set_wall(house.loop.wall() + 365 * day);
  house.loop.advance(1min);
  const std::string second = converted(house, "b.docx", std::string(10, 'b'));
  CHECK(house.result_text(first) == std::string(10, 'a'));
  const std::string third = converted(house, "c.docx", std::string(10, 'c'));
  house.loop.advance(1min);
  CHECK(refusal(house, first).message.find("(results_limit)") != std::string::npos);
  CHECK(house.result_text(second) == std::string(10, 'b'));
}

TEST_CASE("nothing goes when everything is to be kept") {
  Settings settings;
  settings.keep_results_ms = settings.keep_history_ms = settings.results_bytes = 0;
  House house(settings);
  const std::string id = converted(house, "a.docx", "for ever");
  pass(house, 400 * day);
  CHECK(house.result_text(id) == "for ever");
}
