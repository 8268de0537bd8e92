#pragma once
// SQLite takes the first frame of its write-ahead log that does not add up for the end of what was written, as it is
// after a power cut. When it is damage, everything behind it would be lost without a word. Any thread.

#include <string>

namespace convd::store {

// Whether the log has lost commits that were brought to the disk: others stand behind a place that does not add up, or
// the index of a process that was killed knows of more. May block; the database is not open. False when there is no
// log, or none that can be read. After a power cut the index may know nothing: then damage of the last commit looks
// like one that was cut short.
bool is_wal_damaged(const std::string& database);

}  // namespace convd::store
