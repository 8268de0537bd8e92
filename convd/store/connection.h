#pragma once
// How convd.db is opened: one connection that writes and checkpoints, one that reads.

#include <string>

#include "convd/store/sqlite.h"

namespace convd::store {

// Settings of a connection. WAL with synchronous=FULL: a commit is on the disk when it returns. All throw SqliteError.
// Only the writer checkpoints; the reader never does, so that no two connections ever reset the log.
void set_up_writer(Database& database);
Database open_writer(const std::string& path);
// The writer is open already and is closed after the reader.
Database open_reader(const std::string& path);

}  // namespace convd::store
