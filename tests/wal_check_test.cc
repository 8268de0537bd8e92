// Damage of the write-ahead log, told from a log that a power cut has cut short.

#include "convd/store/wal_check.h"

#include <filesystem>
#include <fstream>
#include <string>

#include "convd/store/sqlite.h"
#include "tests/support/catch.h"
#include "tests/support/temp_directory.h"

using namespace convd::store;

namespace {

constexpr std::uintmax_t header_bytes = 32;
constexpr std::uintmax_t frame_bytes = 24 + 4096;

// A log of some commits, as it lies there when the process has been killed.
class KilledLog {
 public:
  explicit KilledLog(int commits) {
    Database database(directory_ / "a.db", Database::Access::read_write);
    database.execute("PRAGMA journal_mode = WAL; PRAGMA wal_autocheckpoint = 0; CREATE TABLE t (x)");
    for (int i = 0; i < commits; ++i) {
      last_commit_at_ = size_of(directory_ / "a.db-wal");
      database.execute("INSERT INTO t VALUES (hex(randomblob(3000)))");
    }
    for (const char* beside : {"-wal", "-shm"})
      std::filesystem::copy_file((directory_ / "a.db") + beside, database_path() + beside);
  }

  std::string database_path() const { return directory_ / "killed.db"; }
  std::string path() const { return database_path() + "-wal"; }
  bool is_damaged() const { return is_wal_damaged(database_path()); }
  // As after a power cut.
  void forget_index() const { std::filesystem::resize_file(database_path() + "-shm", 0); }
  std::uintmax_t size() const { return size_of(path()); }
  std::uintmax_t last_commit_at() const { return last_commit_at_; }
  void flip(std::uintmax_t at) const {
    std::fstream file(path(), std::ios::in | std::ios::out | std::ios::binary);
    file.seekg(static_cast<std::streamoff>(at));
    const auto byte = static_cast<char>(file.get() ^ 0x10);
    file.seekp(static_cast<std::streamoff>(at));
    file.put(byte);
  }

 private:
  static std::uintmax_t size_of(const std::string& path) { return std::filesystem::file_size(path); }
  tests::TempDirectory directory_;
  std::uintmax_t last_commit_at_ = 0;
};

}  // namespace

TEST_CASE("a log that is whole, empty or missing is not damaged") {
  const KilledLog log(5);
  CHECK_FALSE(log.is_damaged());
  CHECK_FALSE(is_wal_damaged(log.database_path() + ".none"));
  std::filesystem::resize_file(log.path(), 0);
  CHECK_FALSE(log.is_damaged());
}

TEST_CASE("a flipped bit before a later commit is damage, wherever it is in its frame") {
  for (const std::uintmax_t at : {0, 5, 9, 17, 24, 2000, 4119}) {
    const KilledLog log(5);
    log.flip(header_bytes + 2 * frame_bytes + at);
    INFO("byte " << at << " of the third frame");
    CHECK(log.is_damaged());
  }
}

TEST_CASE("a flipped bit in the last commit is damage when a killed process has left word of it") {
  const KilledLog log(5);
  CHECK_FALSE(log.is_damaged());
  log.flip(log.last_commit_at() + 2000);
  CHECK(log.is_damaged());
  SECTION("and the word is not damaged itself") {
    log.forget_index();
    CHECK_FALSE(log.is_damaged());
  }
}

TEST_CASE("a flipped bit in the header of the log is damage") {
  for (const std::uintmax_t at : {0, 3, 9, 17, 25, 31}) {
    const KilledLog log(5);
    log.flip(at);
    INFO("byte " << at);
    CHECK(log.is_damaged());
    log.forget_index();
    CHECK(log.is_damaged());
  }
}

TEST_CASE("a commit that was cut short is no damage") {
  const KilledLog cut(5);
  cut.forget_index();
  std::filesystem::resize_file(cut.path(), cut.size() - 1000);
  CHECK_FALSE(cut.is_damaged());
  // The disk may have written its frames in any order.
  const KilledLog torn(5);
  torn.forget_index();
  torn.flip(torn.last_commit_at() + 2000);
  CHECK_FALSE(torn.is_damaged());
}

TEST_CASE("what is left of an earlier log behind the end of this one is no damage") {
  tests::TempDirectory directory;
  const std::string path = directory / "a.db";
  Database database(path, Database::Access::read_write);
  database.execute("PRAGMA journal_mode = WAL; CREATE TABLE t (x)");
  for (int i = 0; i < 20; ++i) database.execute("INSERT INTO t VALUES (hex(randomblob(3000)))");
  database.execute("PRAGMA wal_checkpoint");
  database.execute("INSERT INTO t VALUES (1)");  // from the beginning of the file
  CHECK_FALSE(is_wal_damaged(path));
}
