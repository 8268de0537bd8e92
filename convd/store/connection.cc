#include "convd/store/connection.h"

namespace convd::store {

void set_up_writer(Database& database) {
  if (database.text("PRAGMA journal_mode = WAL") != "wal") {
    throw SqliteError(0, 0, "no write-ahead log on this file system: the state directory has to be on a local disk");
  }
  // Small caches: rows come in the order of time, so what is written and asked for is near the end.
  // secure_delete: a password blanked out of a row does not stay behind in the page.
  database.execute(
      "PRAGMA synchronous = FULL;"
      "PRAGMA foreign_keys = ON;"
      "PRAGMA trusted_schema = OFF;"
      "PRAGMA secure_delete = FAST;"
      "PRAGMA wal_autocheckpoint = 4000;"
      "PRAGMA journal_size_limit = 67108864;"
      "PRAGMA cache_size = -8192;"
      "PRAGMA temp_store = MEMORY;"
      "PRAGMA mmap_size = 0");
}

Database open_writer(const std::string& path) {
  Database database(path, Database::Access::read_write);
  set_up_writer(database);
  return database;
}

Database open_reader(const std::string& path) {
  Database database(path, Database::Access::read_only);
  database.execute(
      "PRAGMA query_only = ON;"
      "PRAGMA trusted_schema = OFF;"
      "PRAGMA wal_autocheckpoint = 0;"
      "PRAGMA cache_size = -4096;"
      "PRAGMA temp_store = MEMORY;"
      "PRAGMA mmap_size = 0");
  return database;
}

}  // namespace convd::store
