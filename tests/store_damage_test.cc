// A database in which bits have flipped: refused, or an error where it is met, never an answer that is wrong.

#include <filesystem>
#include <fstream>
#include <map>
#include <random>
#include <sstream>

#include "convd/loop/ev_loop.h"
#include "convd/store/store.h"
#include "tests/support/catch.h"
#include "tests/support/temp_directory.h"

namespace fs = std::filesystem;
using namespace convd::store;
using shared::Result;

namespace {

constexpr int conversions = 120;
constexpr int documents = 20;
constexpr int seeds = 200;

std::string id_of(int number) {
  return "0190a000-0000-7000-8000-" + std::to_string(100'000'000'000 + number);
}

std::string key_of(int number) {
  return "key-" + std::to_string(number);
}

std::string poison_of(int number) {
  return std::string(60, 'b') + std::to_string(1'000 + number);
}

void fill(Transaction& transaction) {
  transaction.open_log("uid:1");
  for (int i = 0; i < documents; ++i) {
    transaction.put({"uid:1", "document-" + std::to_string(i), "text/plain", std::string(64, 'd'), 5, 1'000, {}, {}});
  }
  for (int i = 0; i < conversions; ++i) {
    ConversionRow row;
    row.id = id_of(i);
    row.org = row.principal = "uid:1";
    row.filename = "document-" + std::to_string(i % documents);
    row.status = i % 3 == 0 ? "error" : "completed";
    row.from = "docx";
    row.to = "pdf";
    row.options_json = row.labels_json = "{}";
    row.message = "Converted page " + std::to_string(i);
    row.created_ms = row.completed_ms.emplace(1'000 + i);
    row.input_sha256 = std::string(64, 'a');
    row.result_json = R"({"name":"x.pdf","size":100})";
    row.result_bytes = 100;
    transaction.insert(row);
    EventRow event;
    event.org = "uid:1";
    event.ts_ms = 1'000 + i;
    event.service = "conversion";
    event.type = "conversion.completed";
    event.subject = row.id;
    event.data_json = R"({"id":")" + row.id + R"(","status":"completed","progress":100})";
    transaction.append(event);
    transaction.add_note({"note-" + std::to_string(i), "uid:1", row.id, "uid:1", "looks good to me", 2'000}, 10);
    transaction.claim_key({"uid:1", key_of(i), std::string(64, 'f'), row.id, 1'000 + i}, 0);
    transaction.put(PoisonRow{poison_of(i), "libreoffice", "7.4.7", 3, 1'000 + i});
  }
}

void commit(convd::loop::EvLoop& loop, Store& store, const std::function<void(Transaction&)>& change) {
  store.submit(
      [&](Transaction& transaction, Files&) -> Result<void> {
        change(transaction);
        return {};
      },
      [&](const Result<void>& outcome) {
        CHECK(outcome);
        loop.stop();
      });
  loop.run();
}

std::string told(const ConversionRow& row) {
  std::ostringstream text;
  text << row.id << row.org << row.principal << row.filename << row.status << row.from << row.to << row.options_json
       << row.labels_json << row.message << row.rev << row.attempt << row.failures << row.priority << row.created_ms
       << row.completed_ms.value_or(-1) << row.input_sha256 << row.result_json.value_or("none") << row.result_bytes
       << row.result_gone_ms.value_or(-1) << row.error.value_or("none");
  return text.str();
}

// Everything there is to read, by what was asked.
std::map<std::string, std::string> all_of(Store& store) {
  std::map<std::string, std::string> all;
  const auto ask = [&](const std::string& what, auto read) {
    try {
      all[what] = read();
    } catch (const std::runtime_error&) {
      all[what] = "error";
    }
  };
  for (int i = 0; i < conversions; ++i) {
    ask(id_of(i), [&] {
      const auto row = store.conversion(id_of(i));
      return row ? told(*row) : "none";
    });
    ask("notes of " + id_of(i), [&] {
      std::string text;
      for (const NoteRow& note : store.notes("uid:1", id_of(i))) text += note.id + note.author + note.text;
      return text;
    });
  }
  ask("list", [&] {
    std::string text;
    for (const ConversionRow& row : store.conversions({"uid:1", {}, {}, "", 1'000})) text += told(row);
    return text;
  });
  ask("unfinished", [&] { return std::to_string(store.unfinished().size()); });
  ask("stored", [&] { return std::to_string(store.stored_results(1'000).size()); });
  ask("documents", [&] {
    std::string text;
    for (const DocumentRow& row : store.documents({"uid:1", "", 1'000}))
      text +=
          row.name + row.media_type + row.sha256 + std::to_string(row.size_bytes) + row.last_conversion.value_or("");
    return text;
  });
  ask("events", [&] {
    std::string text;
    for (const EventRow& row : store.events("uid:1", 0, 1'000'000, 1'000))
      text += std::to_string(row.seq) + row.type + row.subject + row.data_json;
    return text;
  });
  for (int i = 0; i < conversions; ++i) {
    ask(key_of(i), [&] {
      const auto row = store.idempotency_key("uid:1", key_of(i));
      return row ? row->key + row->fingerprint + row->conversion + std::to_string(row->created_ms) : "none";
    });
  }
  // Those that are damaged are left out.
  for (int i = 0; i < conversions; ++i) all["poison " + poison_of(i)] = "error";
  ask("poisons", [&] {
    for (const PoisonRow& row : store.poisons(1'000))
      all["poison " + row.sha256] =
          row.engine + row.version + std::to_string(row.crashes) + " " + std::to_string(row.last_ms);
    return std::string("read");
  });
  ask("oldest event", [&] { return std::to_string(store.oldest_event("uid:1")); });
  ask("usage", [&] {
    const Usage usage = store.usage("uid:1");
    return std::to_string(usage.documents) + " " + std::to_string(usage.bytes()) + " " + std::to_string(usage.results);
  });
  return all;
}

std::string content(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

void write(const std::string& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary | std::ios::trunc) << bytes;
}

struct Tally {
  int refused = 0;
  int errors = 0;
  int wrong = 0;
  int untouched = 0;
};

}  // namespace

TEST_CASE("flipped bits in the database are never an answer that is wrong") {
  tests::TempDirectory directory;
  convd::loop::EvLoop loop;
  const std::string path = directory / "state/convd.db";
  std::map<std::string, std::string> truth;
  {
    auto store = Store::open(directory / "state", loop);
    REQUIRE(store);
    commit(loop, **store, fill);
    truth = all_of(**store);
  }
  const std::string sound = content(path);
  Tally tally;
  for (int seed = 0; seed < seeds; ++seed) {
    std::mt19937 random(static_cast<unsigned>(seed));
    std::string bytes = sound;
    std::string where;
    for (int flips = 1 + seed % 3; flips > 0; --flips) {
      const std::size_t at = random() % bytes.size();
      bytes[at] = static_cast<char>(bytes[at] ^ (1 << random() % 8));
      where += std::to_string(at) + " ";
    }
    write(path, bytes);
    INFO("seed " << seed << ", bytes " << where);
    auto store = Store::open(directory / "state", loop);
    if (!store) {
      ++tally.refused;
      CHECK(store.error().message.find("convd.db") != std::string::npos);
      CHECK(content(path) == bytes);
    } else {
      const auto found = all_of(**store);
      bool errors = false;
      for (const auto& [what, answer] : truth) {
        errors = errors || found.at(what) == "error";
        const bool right = found.at(what) == answer || found.at(what) == "error";
        if (right) continue;  // an assertion each would be most of what this test does
        ++tally.wrong;
        FAIL_CHECK(what);
      }
      ++(errors ? tally.errors : tally.untouched);
      store->reset();
    }
    for (const char* beside : {"-wal", "-shm"}) fs::remove(path + beside);
  }
  INFO("refused " << tally.refused << ", errors " << tally.errors << ", without effect " << tally.untouched);
  CHECK(tally.wrong == 0);
  CHECK(tally.refused > seeds / 4);
}

TEST_CASE("a log that was cut or damaged after a crash gives what was committed before it, and nothing else") {
  tests::TempDirectory directory;
  convd::loop::EvLoop loop;
  const std::string path = directory / "state/convd.db";
  std::string database;
  std::string log;
  std::vector<std::map<std::string, std::string>> history;
  {
    auto store = Store::open(directory / "state", loop);
    REQUIRE(store);
    commit(loop, **store, fill);
    history.push_back(all_of(**store));
    for (int i = 0; i < 10; ++i) {
      commit(loop, **store,
             [&](Transaction& transaction) { transaction.remove_result(id_of(3 * i + 1), 9'000, "age"); });
      history.push_back(all_of(**store));
    }
    database = content(path);
    log = content(path + "-wal");
  }
  int refused = 0;
  for (int seed = 0; seed < 40; ++seed) {
    std::mt19937 random(static_cast<unsigned>(seed));
    std::string bytes = log;
    const std::size_t at = random() % bytes.size();
    const bool is_cut = seed % 2 == 0;
    if (is_cut)
      bytes.resize(at);
    else
      bytes[at] = static_cast<char>(bytes[at] ^ 0x10);
    write(path, database);
    write(path + "-wal", bytes);
    fs::remove(path + "-shm");
    INFO("seed " << seed << ", byte " << at << " of " << log.size());
    auto store = Store::open(directory / "state", loop);
    if (!store) {
      CHECK_FALSE(is_cut);
      ++refused;
      continue;
    }
    const auto found = all_of(**store);
    const bool is_empty = found.at("list").empty();
    CHECK((is_empty || std::find(history.begin(), history.end(), found) != history.end()));
    // Damage takes no more with it than the last commit, which looks like one that a power cut has ended.
    if (!is_cut) CHECK(std::find(history.end() - 2, history.end(), found) != history.end());
  }
  CHECK(refused > 0);
}

namespace {

// Changes what is stored of a row and leaves its sum.
void damage(const std::string& directory, const std::string& table, const std::string& change,
            const std::string& which = "1") {
  const std::string where = " WHERE row = " + which;
  const std::string command = "/usr/bin/python3 -c \"import sqlite3; d = sqlite3.connect('" + directory +
                              "/state/convd.db'); s = d.execute('SELECT sum FROM " + table + where +
                              "').fetchone(); assert s[0]; d.execute('UPDATE " + table + " SET " + change + where +
                              "'); d.execute('UPDATE " + table + " SET sum = ?" + where + "', s); d.commit()\"";
  REQUIRE(std::system(command.c_str()) == 0);
}

struct Filled {
  tests::TempDirectory directory;
  convd::loop::EvLoop loop;
  std::unique_ptr<Store> store;

  Filled() {
    open();
    commit(loop, *store, fill);
  }
  void open() {
    store.reset();
    auto opened = Store::open(directory / "state", loop);
    REQUIRE(opened);
    store = *std::move(opened);
  }
  void damage(const std::string& table, const std::string& change, const std::string& which = "1") {
    ::damage(directory.path(), table, change, which);
  }
  LogHead head() {
    LogHead head;
    commit(loop, *store, [&](Transaction& transaction) { head = transaction.open_log("uid:1"); });
    return head;
  }
};

EventRow some_event() {
  EventRow event;
  event.org = "uid:1";
  event.service = event.type = event.subject = "conversion";
  event.data_json = "{}";
  return event;
}

}  // namespace

TEST_CASE("an idempotency key that cannot be trusted is refused, and nothing starts under it") {
  Filled world;
  for (const char* change : {"fingerprint = 2", "conversion = 2", "created_ms = 2000"}) {
    world.damage("idempotency_keys", change);
    CHECK_THROWS_AS(world.store->idempotency_key("uid:1", key_of(0)), std::runtime_error);
  }
  const auto claim = [&](int number, const std::function<void(const Result<void>&)>& done) {
    world.store->submit(
        [number](Transaction& transaction, Files&) -> Result<void> {
          transaction.claim_key({"uid:1", key_of(number), "f", "c", 9'000}, 0);
          return {};
        },
        done);
  };
  int answers = 0;
  const auto counted = [&] {
    if (++answers == 2) world.loop.stop();
  };
  claim(0, [&](const Result<void>& outcome) {
    CHECK(outcome.error().code == shared::ErrorCode::unavailable);
    counted();
  });
  claim(conversions, [&](const Result<void>& outcome) {
    CHECK(outcome);
    counted();
  });
  world.loop.run();
  world.store.reset();
  const auto again = Store::open(world.directory / "state", world.loop);
  REQUIRE_FALSE(again);
  CHECK(again.error().message.find("is damaged") != std::string::npos);
}

TEST_CASE("a crash that cannot be trusted counts for nothing") {
  Filled world;
  world.damage("poisons", "crashes = 7");
  world.open();
  const auto poisons = world.store->poisons(1'000);
  CHECK(poisons.size() == conversions - 1);
  for (const PoisonRow& row : poisons) CHECK(row.crashes == 3);
}

TEST_CASE("an event that cannot be trusted is not told, those behind it are") {
  Filled world;
  const auto all = world.store->events("uid:1", 0, 1'000, 1'000);
  world.damage("events", "type = 7", "40");
  world.open();
  const std::int64_t seq = all[39].seq;
  CHECK_THROWS_AS(world.store->events("uid:1", 0, 1'000, 1'000), DamagedEvent);
  CHECK_THROWS_AS(world.store->newest_events("uid:1", 1'000, 1'000), DamagedEvent);
  CHECK(world.store->events("uid:1", 0, seq - 1, 1'000).size() == 39);
  CHECK(world.store->events("uid:1", seq, 1'000, 1'000).size() == conversions - 40);
}

TEST_CASE("a log whose row cannot be trusted is written anew") {
  Filled world;
  const LogHead before = world.head();
  const std::int64_t last = world.store->events("uid:1", 0, 1'000, 1'000).back().seq;
  for (const char* change : {"epoch = 7", "reserved = 1", "floor = 100"}) {
    SECTION(std::string("at start as another log: ") + change) {
      world.damage("logs", change);
      world.open();
      const LogHead head = world.head();
      CHECK(head.epoch.size() == 32);
      CHECK(head.epoch != before.epoch);
      CHECK(head.head >= last);
      CHECK(head.oldest == last + 1);
      CHECK(world.store->events("uid:1", 0, 1'000, 1'000).empty());
      commit(world.loop, *world.store, [](Transaction& transaction) { transaction.append(some_event()); });
      CHECK(world.store->events("uid:1", 0, 10'000, 1'000).size() == 1);
    }
    SECTION(std::string("later from what is known: ") + change) {
      world.damage("logs", change);
      CHECK_THROWS_AS(world.store->oldest_event("uid:1"), std::runtime_error);
      world.store->submit(
          [](Transaction& transaction, Files&) -> Result<void> {
            transaction.append(some_event());
            return shared::Error{shared::ErrorCode::internal, "undone", ""};
          },
          [&](const Result<void>&) { world.loop.stop(); });
      world.loop.run();
      const LogHead head = world.head();
      CHECK(head.epoch == before.epoch);
      CHECK(head.head == before.head + 1);
      CHECK(head.oldest == before.oldest);
      CHECK(world.store->oldest_event("uid:1") == before.oldest);
    }
  }
}

TEST_CASE("a log whose beginning was undone is begun by the next event") {
  Filled world;
  EventRow event = some_event();
  event.org = "uid:2";
  world.store->submit(
      [&](Transaction& transaction, Files&) -> Result<void> {
        transaction.append(event);
        return shared::Error{shared::ErrorCode::internal, "undone", ""};
      },
      [&](const Result<void>&) { world.loop.stop(); });
  world.loop.run();
  commit(world.loop, *world.store, [&](Transaction& transaction) { transaction.append(event); });
  CHECK(world.store->events("uid:2", 0, 1'000, 10).size() == 1);
}

TEST_CASE("a row changed by one who knows of no sums is read without one") {
  tests::TempDirectory directory;
  convd::loop::EvLoop loop;
  {
    auto store = Store::open(directory / "state", loop);
    REQUIRE(store);
    commit(loop, **store, fill);
  }
  const std::string command = "/usr/bin/python3 -c \"import sqlite3; d = sqlite3.connect('" + directory.path() +
                              "/state/convd.db'); d.execute('UPDATE conversions SET message = 1');"
                              " d.execute('UPDATE documents SET size_bytes = 7');"
                              " d.execute('UPDATE logs SET reserved = 9999');"
                              " d.execute('UPDATE poisons SET crashes = 1');"
                              " d.execute('UPDATE idempotency_keys SET created_ms = 7'); d.commit()\"";
  REQUIRE(std::system(command.c_str()) == 0);
  auto store = Store::open(directory / "state", loop);
  REQUIRE(store);
  CHECK((*store)->conversion(id_of(1))->message == "1");
  CHECK((*store)->usage("uid:1").document_bytes == 7 * documents);
  CHECK((*store)->oldest_event("uid:1") == 1);
  CHECK((*store)->poisons(1).front().crashes == 1);
  CHECK((*store)->idempotency_key("uid:1", key_of(1))->created_ms == 7);
}
