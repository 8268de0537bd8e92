#include "convd/store/schema.h"

#include <array>
#include <filesystem>
#include <fstream>

#include "convd/loop/ev_loop.h"
#include "convd/store/connection.h"
#include "convd/store/reader.h"
#include "convd/store/store.h"
#include "convd/store/writer.h"
#include "tests/support/catch.h"
#include "tests/support/fake_loop.h"
#include "tests/support/temp_directory.h"

namespace fs = std::filesystem;
using namespace convd::store;

namespace {

using Steps = std::span<const std::string_view>;

constexpr std::array<std::string_view, 2> two_steps{"CREATE TABLE a (x); INSERT INTO a VALUES (1);",
                                                    "ALTER TABLE a ADD COLUMN y DEFAULT 7"};
constexpr std::array<std::string_view, 2> bad_steps{two_steps[0], "CREATE TABLE b (x); CREATE TABLE a (x)"};

struct World {
  tests::TempDirectory directory;
  std::string path = directory / "convd.db";
  tests::FakeLoop loop;

  std::string migrate_to(Steps steps) {
    Database database(path, Database::Access::read_write);
    auto migrated = migrate(database, path, steps);
    return migrated ? "ok" : migrated.error().message;
  }
  std::string number(const std::string& sql) {
    return std::to_string(Database(path, Database::Access::read_only).number(sql));
  }
  // What the administrator reads, without the directory.
  std::string open_store() {
    auto store = Store::open(directory.path(), loop);
    if (store) return "ok";
    CHECK(store.error().code == shared::ErrorCode::unavailable);
    std::string message = store.error().message;
    REQUIRE(message.find(directory.path() + "/") == 0);
    return message.substr(directory.path().size() + 1);
  }
  void make(const std::string& sql) { Database(path, Database::Access::read_write).execute(sql); }
};

std::string plan(Database& database, const std::string& sql) {
  Statement statement(database, "EXPLAIN QUERY PLAN " + sql);
  Rows rows(statement);
  std::string text;
  while (rows.next()) {
    std::string step;
    rows.get(3, step);
    text += step + "\n";
  }
  return text;
}

}  // namespace

TEST_CASE("an empty file is brought to the last schema, once") {
  World world;
  CHECK(world.migrate_to(migrations()) == "ok");
  CHECK(world.migrate_to(migrations()) == "ok");
  CHECK(world.number("PRAGMA user_version") == std::to_string(migrations().size()));
  CHECK(world.number("PRAGMA application_id") == std::to_string(application_id));
}

TEST_CASE("an older file is migrated, and a copy of it is kept") {
  World world;
  CHECK(world.migrate_to(Steps(two_steps).first(1)) == "ok");
  CHECK(world.migrate_to(two_steps) == "ok");
  CHECK(world.number("SELECT x + y FROM a") == "8");
  const std::string copy = world.path + ".schema-1";
  REQUIRE(fs::exists(copy));
  CHECK((fs::status(copy).permissions() & fs::perms::others_all) == fs::perms::none);
  CHECK(Database(copy, Database::Access::read_only).number("PRAGMA user_version") == 1);
  CHECK(Database(copy, Database::Access::read_only).number("SELECT x FROM a") == 1);
}

TEST_CASE("a conversion of before the receipts is read without one") {
  World world;
  CHECK(world.migrate_to(migrations().first(1)) == "ok");
  world.make(
      "INSERT INTO conversions (id, org, filename, input_sha256, created_ms, principal, status, source_format,"
      " target_format, options_json, labels_json, message, rev, attempt, failures, priority, input_bytes)"
      " VALUES ('old', 'uid:1', 'a.docx', 'aa', 1, 'uid:1', 'completed', 'docx', 'pdf', '{}', '{}', '', 3, 1, 0, 5, "
      "9)");
  auto store = Store::open(world.directory.path(), world.loop);
  REQUIRE(store);
  const auto row = (*store)->conversion("old");
  REQUIRE(row);
  CHECK(row->input_bytes == 9);
  CHECK_FALSE(row->receipt_json);
}

TEST_CASE("a log of before the stream keeps its numbers and learns what came before what") {
  World world;
  CHECK(world.migrate_to(migrations().first(2)) == "ok");
  world.make("INSERT INTO logs (org, epoch) VALUES ('uid:1', 'e1')");
  for (const char* row : {"1, 'conversion'", "2, 'document'", "3, 'conversion'"}) {
    world.make("INSERT INTO events (org, seq, service, ts_ms, type, subject, data_json) VALUES ('uid:1', " +
               std::string(row) + ", 0, 't', 's', '{}')");
  }
  auto store = Store::open(world.directory.path(), world.loop);
  REQUIRE(store);
  CHECK(world.number("SELECT reserved FROM logs") == "3");
  CHECK(world.number("SELECT prev FROM events WHERE seq = 3") == "1");
  CHECK(world.number("SELECT count(*) FROM events WHERE prev IS NULL") == "2");
  CHECK((*store)->events("uid:1", 0, 10, 10).size() == 3);
}

TEST_CASE("keys, crashes and logs of before their sums are read without one, and are written with it") {
  World world;
  CHECK(world.migrate_to(migrations().first(5)) == "ok");
  world.make("INSERT INTO logs (org, epoch, reserved, floor) VALUES ('uid:1', 'e1', 50, 7)");
  world.make(
      "INSERT INTO idempotency_keys (org, key, fingerprint, conversion, created_ms) VALUES ('uid:1', 'k', 'f', 'c', "
      "9)");
  world.make("INSERT INTO poisons (sha256, engine, version, crashes, last_ms) VALUES ('s', 'e', '1', 2, 9)");
  CHECK(world.migrate_to(migrations()) == "ok");
  Database database(world.path, Database::Access::read_write);
  WriteTransaction transaction(database);
  Reader reader(open_reader(world.path));
  CHECK(reader.oldest_event("uid:1") == 8);
  CHECK(reader.idempotency_key("uid:1", "k")->conversion == "c");
  CHECK(reader.poisons(9).front().crashes == 2);
  CHECK(transaction.open_log("uid:1").epoch == "e1");
  CHECK(transaction.open_log("uid:1").head == 50);
  EventRow event;
  event.org = "uid:1";
  transaction.append(event);
  transaction.put(PoisonRow{"s", "e", "1", 3, 10});
  CHECK_FALSE(transaction.claim_key({"uid:1", "k2", "f", "c", 9}, 0).has_value());
  CHECK(world.number("SELECT count(*) FROM (SELECT sum FROM logs UNION ALL SELECT sum FROM poisons UNION ALL"
                     " SELECT sum FROM idempotency_keys) WHERE sum IS NOT NULL") == "3");
}

TEST_CASE("what was converted before there were notes can be noted") {
  World world;
  CHECK(world.migrate_to(migrations().first(3)) == "ok");
  world.make(
      "INSERT INTO conversions (id, org, filename, input_sha256, created_ms, principal, status, source_format,"
      " target_format, options_json, labels_json, message, rev, attempt, failures, priority, input_bytes)"
      " VALUES ('old', 'uid:1', 'a.docx', 'aa', 1, 'uid:1', 'completed', 'docx', 'pdf', '{}', '{}', '', 3, 1, 0, 5, "
      "9)");
  CHECK(world.migrate_to(migrations()) == "ok");
  Database database(world.path, Database::Access::read_write);
  WriteTransaction transaction(database);
  CHECK(transaction.add_note({"n1", "uid:1", "old", "uid:1", "at last", 5}, 10) == Noted::written);
  Reader reader(open_reader(world.path));
  CHECK(reader.notes("uid:1", "old").size() == 1);
}

TEST_CASE("a step that fails changes nothing") {
  World world;
  CHECK(world.migrate_to(Steps(bad_steps).first(1)) == "ok");
  CHECK(world.migrate_to(bad_steps) == world.path + " cannot be used: sqlite: table a already exists");
  CHECK(world.number("PRAGMA user_version") == "1");
  CHECK(world.number("SELECT count(*) FROM sqlite_schema WHERE name = 'b'") == "0");
  CHECK(world.migrate_to(two_steps) == "ok");
}

TEST_CASE("a newer schema is refused") {
  World world;
  CHECK(world.migrate_to(migrations()) == "ok");
  world.make("PRAGMA user_version = 99");
  CHECK(world.open_store() == "convd.db was written by a newer convd (schema 99, this one knows " +
                                  std::to_string(migrations().size()) +
                                  "): start that version, or restore the copy made before the upgrade");
  CHECK(world.number("PRAGMA user_version") == "99");
}

TEST_CASE("another program's database is refused and left as it is") {
  World world;
  SECTION("with a mark of its own") {
    world.make("CREATE TABLE theirs (x); PRAGMA application_id = 42");
  }
  SECTION("with none") {
    world.make("CREATE TABLE theirs (x)");
  }
  CHECK(world.open_store() ==
        "convd.db is the database of another program: move it away, or give convd another state directory");
  CHECK(Database(world.path, Database::Access::read_only).text("PRAGMA journal_mode") == "delete");
}

TEST_CASE("a file that is no database is refused") {
  World world;
  std::ofstream(world.path) << std::string(10'000, 'x');
  CHECK(world.open_store() == "convd.db is not a database: move it away, or give convd another state directory");
  CHECK(fs::file_size(world.path) == 10'000);
}

TEST_CASE("a damaged file is refused") {
  World world;
  CHECK(world.open_store() == "ok");
  const std::string refusal =
      "convd.db is damaged: stop convd and restore it from a backup, or move it away to start with an empty one";
  SECTION("pages overwritten") {
    std::fstream file(world.path, std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(4096 * 3);
    file << std::string(4096 * 4, '\xa5');
    file.close();
    CHECK(world.open_store() == refusal);
  }
  SECTION("cut short") {
    fs::resize_file(world.path, 4096 * 3);
    CHECK(world.open_store() == refusal);
  }
}

TEST_CASE("a state directory that is a file is refused") {
  World world;
  std::ofstream(world.directory / "file") << "x";
  auto store = Store::open(world.directory / "file", world.loop);
  REQUIRE_FALSE(store);
  CHECK(store.error().message.find(world.directory / "file") == 0);
}

TEST_CASE("connections are set up as the promise of durability needs") {
  World world;
  CHECK(world.migrate_to(migrations()) == "ok");
  Database writer = open_writer(world.path);
  CHECK(writer.text("PRAGMA journal_mode") == "wal");
  CHECK(writer.number("PRAGMA synchronous") == 2);
  CHECK(writer.number("PRAGMA foreign_keys") == 1);
  CHECK(writer.number("PRAGMA trusted_schema") == 0);
  CHECK(writer.number("PRAGMA wal_autocheckpoint") == 4000);
  CHECK(writer.number("PRAGMA journal_size_limit") == 64 << 20);
  CHECK(writer.number("PRAGMA mmap_size") == 0);
  Database reader = open_reader(world.path);
  CHECK(reader.number("PRAGMA wal_autocheckpoint") == 0);
  CHECK_THROWS_AS(reader.execute("DELETE FROM conversions"), SqliteError);
  CHECK_THROWS_AS(writer.execute("INSERT INTO events (org, seq, ts_ms, service, type, subject, data_json)"
                                 " VALUES ('no log', 1, 1, '', '', '', '')"),
                  SqliteError);
}

TEST_CASE("no read walks through the history or sorts") {
  World world;
  CHECK(world.migrate_to(migrations()) == "ok");
  Database database(world.path, Database::Access::read_write);
  const auto uses = [&](const std::string& sql, const std::string& index) {
    const std::string steps = plan(database, sql);
    const bool walks = steps.find("SCAN conversions") != std::string::npos ||
                       steps.find("SCAN d") != std::string::npos || steps.find("SCAN events") != std::string::npos ||
                       steps.find("SCAN notes") != std::string::npos;
    CAPTURE(sql, steps);
    CHECK(steps.find("INDEX " + index) != std::string::npos);
    CHECK(steps.find("TEMP B-TREE") == std::string::npos);
    CHECK((!walks || index == "conversions_unfinished"));
  };
  uses(list_sql(Filter::none), "conversions_org (org=? AND id<?)");
  uses(list_sql(Filter::status), "conversions_status (org=? AND status=? AND id<?)");
  uses(list_sql(Filter::filename), "conversions_filename (org=? AND filename=? AND id<?)");
  uses(list_sql(Filter::both), "conversions_filename_status (org=? AND filename=? AND status=? AND id<?)");
  uses(unfinished_sql(), "conversions_unfinished");
  uses(document_sql(), "documents_name (org=? AND name=?)");
  uses(reusable_sql(), "conversions_reuse (org=? AND reuse_key=?)");
  uses(idempotency_key_sql(), "idempotency_keys_key (org=? AND key=?)");
  uses(prune_keys_sql(), "idempotency_keys_age (created_ms<?)");
  uses(document_sql(), "conversions_filename (org=? AND filename=?)");
  uses(document_sql(), "conversions_id (id=?)");
  uses(documents_sql(), "documents_name (org=? AND name>?)");
  uses(documents_sql(), "conversions_filename (org=? AND filename=?)");
  uses(events_sql(), "events_seq (org=? AND seq>? AND seq<?)");
  uses(count_events_sql(), "events_service (org=? AND service=? AND seq>? AND seq<?)");
  uses(count_events_of_subject_sql(), "events_subject (org=? AND subject=? AND seq>? AND seq<?)");
  uses(newest_events_sql(), "events_seq (org=? AND seq<?)");
  uses(notes_sql(), "notes_conversion (conversion=?)");
  uses(blob_in_use_sql(), "documents_sha256 (sha256=?)");
  uses(blob_in_use_sql(), "conversions_input (input_sha256=?)");
}
