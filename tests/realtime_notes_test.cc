#include "convd/realtime/notes.h"

#include <optional>
#include <string>

#include "tests/support/house.h"

using convd::realtime::Notes;
using shared::Json;
using tests::a_docx;
using tests::House;

namespace {

struct World {
  House house;
  Notes notes{house.loop, house.store};
  std::string id = house.accepted(house.upload("report.docx", a_docx));

  shared::Result<Json> add(std::string_view text, const std::string& conversion, const std::string& org = "uid:1") {
    std::optional<shared::Result<Json>> answer;
    notes.add(org, "uid:7", conversion, text, [&](shared::Result<Json> outcome) { answer = std::move(outcome); });
    house.loop.turn();
    REQUIRE(answer);
    return *std::move(answer);
  }
  std::string refusal(std::string_view text) {
    const auto outcome = add(text, id);
    if (outcome) return "added";
    return std::string(shared::to_string(outcome.error().code)) + ": " + outcome.error().message;
  }
};

}  // namespace

TEST_CASE("a note is stored with its event, and both say the same") {
  World world;
  const auto note = world.add(" \tLooks good\n", world.id);
  REQUIRE(note);
  const auto member = [&](const char* key) { return note->read().at(key)->string().value(); };
  CHECK(member("id").size() == 36);
  CHECK(member("conversion") == world.id);
  CHECK(member("author") == "uid:7");
  CHECK(member("text") == "Looks good");
  CHECK(member("created_at") == world.house.status(world.id).created_at);
  const auto& event = world.house.store.log().back();
  CHECK(event.org == "uid:1");
  CHECK(event.service == "note");
  CHECK(event.type == "note.added");
  CHECK(event.subject == world.id);
  CHECK(event.data_json == note->dump());
  CHECK(event.event_class == shared::EventClass::state);
  const auto list = world.notes.list("uid:1", world.id);
  REQUIRE(list);
  CHECK(list->dump() == "{\"notes\":[" + note->dump() + "]}");
}

TEST_CASE("a note has a text of 1 to 4000 characters") {
  World world;
  CHECK(world.refusal(" \r\n\t ") == "invalid_request: text: required, and not only blanks");
  CHECK(world.refusal("\xff") == "invalid_request: text: not valid UTF-8");
  std::string euros;
  for (int i = 0; i < 4000; ++i) euros += "\xe2\x82\xac";
  CHECK(world.refusal(euros + "x") == "invalid_request: text: a note may have 4000 characters, this one has 4001");
  CHECK(world.refusal("  " + euros + "  ") == "added");
}

TEST_CASE("notes belong to conversions that are there, and to their org") {
  World world;
  CHECK(world.add("x", "no such").error().code == shared::ErrorCode::conversion_not_found);
  CHECK(world.add("x", world.id, "uid:2").error().code == shared::ErrorCode::conversion_not_found);
  CHECK(world.notes.list("uid:1", "no such").error().code == shared::ErrorCode::conversion_not_found);
  CHECK(world.notes.list("uid:2", world.id).error().code == shared::ErrorCode::conversion_not_found);
  for (const auto& event : world.house.store.log()) CHECK(event.service != "note");
  CHECK(world.notes.list("uid:1", world.id)->dump() == R"({"notes":[]})");
}

TEST_CASE("a note that cannot be stored is not there, nor is its event") {
  World world;
  world.house.store.fail_commits(shared::Error{shared::ErrorCode::disk_full, "full", {}});
  CHECK(world.add("x", world.id).error().code == shared::ErrorCode::disk_full);
  world.house.store.fail_commits(std::nullopt);
  CHECK(world.notes.list("uid:1", world.id)->dump() == R"({"notes":[]})");
}

TEST_CASE("notes go when their conversion is removed") {
  World world;
  REQUIRE(world.add("x", world.id));
  bool removed = false;
  world.house.manager().remove("uid:1", world.id, [&](shared::Result<void> outcome) { removed = outcome.ok(); });
  world.house.loop.turn();
  REQUIRE(removed);
  CHECK(world.house.store.notes("uid:1", world.id).empty());
}

TEST_CASE("a conversion has a limit of notes") {
  World world;
  for (int i = 0; i < Notes::most_notes; ++i) REQUIRE(world.add("x", world.id));
  CHECK(world.refusal("one more") == "invalid_request: a conversion may have 1000 notes");
}
