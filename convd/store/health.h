#pragma once
// Whether the database is what was written, looked at before anything is done with it. Files of more than 64 MiB are
// not read through: their damage shows where it is met.

#include "convd/store/sqlite.h"

namespace convd::store {

// That pages, tables and indexes fit each other. Throws SqliteError (corrupt).
void check_pages(Database& database);
// That every row matches its sum, in a database of the present schema. Throws SqliteError (corrupt). What is known of
// the usage by counting, too, is set right where it differs.
void check_rows(Database& database);

}  // namespace convd::store
