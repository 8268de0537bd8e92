// Notes in the store: whose they are, how many there may be, and when they go.

#include <string>
#include <vector>

#include "convd/loop/ev_loop.h"
#include "convd/store/store.h"
#include "tests/support/catch.h"
#include "tests/support/temp_directory.h"

using namespace convd::store;
using shared::Result;

namespace {

ConversionRow conversion(const std::string& id, const std::string& org) {
  ConversionRow row;
  row.id = id;
  row.org = org;
  row.status = "completed";
  row.options_json = row.labels_json = "{}";
  return row;
}

struct World {
  tests::TempDirectory directory;
  convd::loop::EvLoop loop;
  std::unique_ptr<Store> store = open();

  std::unique_ptr<Store> open() {
    auto opened = Store::open(directory.path(), loop);
    if (!opened) FAIL(opened.error().message);
    return *std::move(opened);
  }
  template <typename Write>
  void commit(Write write) {
    Result<void> outcome;
    const auto operation = [&](Transaction& transaction, Files&) -> Result<void> {
      write(transaction);
      return {};
    };
    store->submit(operation, [&](Result<void> result) {
      outcome = std::move(result);
      loop.stop();
    });
    loop.run();
    REQUIRE(outcome);
  }
  Noted note(const std::string& org, const std::string& id, const std::string& text, int most = 100) {
    Noted noted = Noted::too_many;
    commit([&](Transaction& transaction) {
      noted = transaction.add_note({"id of " + text, org, id, "author of " + text, text, 7}, most);
    });
    return noted;
  }
  std::string texts(const std::string& org, const std::string& id) {
    std::string all;
    for (const NoteRow& row : store->notes(org, id)) all += row.text + " ";
    return all;
  }
};

}  // namespace

TEST_CASE("notes come back as they were written, oldest first, also after a restart") {
  World world;
  world.commit([](Transaction& transaction) { transaction.insert(conversion("c1", "uid:1")); });
  CHECK(world.note("uid:1", "c1", "second thoughts") == Noted::written);
  CHECK(world.note("uid:1", "c1", "a first one") == Noted::written);
  world.store.reset();
  world.store = world.open();
  const auto notes = world.store->notes("uid:1", "c1");
  REQUIRE(notes.size() == 2);
  CHECK(notes[0].id == "id of second thoughts");
  CHECK(notes[0].org == "uid:1");
  CHECK(notes[0].conversion == "c1");
  CHECK(notes[0].author == "author of second thoughts");
  CHECK(notes[0].text == "second thoughts");
  CHECK(notes[0].created_ms == 7);
  CHECK(notes[1].text == "a first one");
}

TEST_CASE("a note needs a conversion of its org") {
  World world;
  world.commit([](Transaction& transaction) { transaction.insert(conversion("c1", "uid:1")); });
  CHECK(world.note("uid:1", "c2", "x") == Noted::no_conversion);
  CHECK(world.note("uid:2", "c1", "x") == Noted::no_conversion);
  CHECK(world.note("uid:1", "c1", "mine") == Noted::written);
  CHECK(world.texts("uid:1", "c1") == "mine ");
  CHECK(world.texts("uid:2", "c1").empty());
}

TEST_CASE("a conversion has so many notes and no more, whatever others have") {
  World world;
  world.commit([](Transaction& transaction) {
    transaction.insert(conversion("c1", "uid:1"));
    transaction.insert(conversion("c2", "uid:1"));
  });
  CHECK(world.note("uid:1", "c1", "a", 2) == Noted::written);
  CHECK(world.note("uid:1", "c1", "b", 2) == Noted::written);
  CHECK(world.note("uid:1", "c1", "c", 2) == Noted::too_many);
  CHECK(world.note("uid:1", "c2", "d", 2) == Noted::written);
  CHECK(world.texts("uid:1", "c1") == "a b ");
}

TEST_CASE("notes go with their conversion, and with no other") {
  World world;
  world.commit([](Transaction& transaction) {
    transaction.insert(conversion("c1", "uid:1"));
    transaction.insert(conversion("c2", "uid:1"));
  });
  world.note("uid:1", "c1", "a");
  world.note("uid:1", "c2", "b");
  world.commit([](Transaction& transaction) { transaction.remove_conversion("c1"); });
  CHECK(world.texts("uid:1", "c1").empty());
  CHECK(world.texts("uid:1", "c2") == "b ");
  CHECK(world.note("uid:1", "c1", "too late") == Noted::no_conversion);
}
