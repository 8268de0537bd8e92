#pragma once
// The tables of convd.db and how they came to be.

#include <span>
#include <string>
#include <string_view>

#include "convd/store/sqlite.h"
#include "shared/result.h"

namespace convd::store {

// Marks the file as convd's ("cnvd"): another program's database is refused, not altered.
inline constexpr std::int64_t application_id = 0x636e7664;

// Element n brings schema n to schema n + 1.
std::span<const std::string_view> migrations();

// Brings the file to the last schema of `steps`, each step in a transaction of its own. Before an existing database is
// altered a copy is written beside it: <path>.schema-<n>. A new file becomes convd's. Errors: unavailable, and nothing
// was changed: another program's file, a newer schema, damage, no space for the copy. The connection is read-write; any
// thread, before others use the file.
shared::Result<void> migrate(Database& database, const std::string& path,
                             std::span<const std::string_view> steps = migrations());

}  // namespace convd::store
