#include "convd/inspect/directory.h"

#include <sys/stat.h>

#include <algorithm>
#include <optional>

#include "convd/inspect/bytes.h"

namespace convd::inspect {
namespace {

using shared::Error;
using shared::ErrorCode;
using std::string_view;
using namespace std::string_view_literals;

constexpr auto local_mark = "PK\x03\x04"sv;
constexpr auto entry_mark = "PK\x01\x02"sv;
constexpr auto end_mark = "PK\x05\x06"sv;
constexpr auto large_locator_mark = "PK\x06\x07"sv;
constexpr auto large_end_mark = "PK\x06\x06"sv;
constexpr std::size_t local_size = 30;
constexpr std::size_t entry_size = 46;
constexpr std::size_t end_size = 22;
constexpr std::size_t large_locator_size = 20;
constexpr std::uint64_t in_the_large_record = 0xFFFFFFFF;

Error damaged(const char* how) {
  return {ErrorCode::input_invalid, std::string("The document is a damaged zip archive: ") + how, {}};
}

struct Where {
  std::uint64_t offset = 0;
  std::uint64_t size = 0;
  std::uint64_t count = 0;
};

std::optional<std::size_t> end_record(string_view archive) {
  constexpr std::size_t longest_comment = 0xFFFF;
  if (archive.size() < end_size) return std::nullopt;
  const std::size_t last = archive.size() - end_size;
  const auto found = archive.rfind(end_mark, last);
  if (found == string_view::npos || last - found > longest_comment) return std::nullopt;
  return found;
}

std::optional<Where> find_directory(string_view archive) {
  const auto end = end_record(archive);
  if (!end) return std::nullopt;
  Where where{little(archive, *end + 16, 4), little(archive, *end + 12, 4), little(archive, *end + 10, 2)};
  if (*end >= large_locator_size && has_at(archive, *end - large_locator_size, large_locator_mark)) {
    const std::uint64_t large = little(archive, *end - large_locator_size + 8, 8);
    if (!has_at(archive, large, large_end_mark)) return std::nullopt;
    where = {little(archive, large + 48, 8), little(archive, large + 40, 8), little(archive, large + 32, 8)};
  }
  const bool inside = where.offset <= archive.size() && where.size <= archive.size() - where.offset;
  return inside ? std::optional(where) : std::nullopt;
}

// Of the Zip64 record among the extra fields, the next number that the entry itself has no room for.
std::uint64_t large_number(string_view& record) {
  const std::uint64_t value = little(record, 0, 8);
  record.remove_prefix(std::min<std::size_t>(8, record.size()));
  return value;
}

string_view large_record(string_view extra) {
  constexpr std::uint64_t zip64 = 1;
  while (extra.size() >= 4) {
    const std::size_t size = little(extra, 2, 2);
    const string_view record = extra.substr(4, size);
    if (little(extra, 0, 2) == zip64) return record;
    extra.remove_prefix(std::min(extra.size(), 4 + size));
  }
  return {};
}

bool climbs(string_view name) {
  if (name.find('\0') != string_view::npos) return true;
  for (std::size_t at = 0; at <= name.size();) {
    const std::size_t end = std::min(name.find_first_of("/\\"sv, at), name.size());
    if (name.substr(at, end - at) == ".."sv) return true;
    at = end + 1;
  }
  return false;
}

bool is_link(string_view record) {
  constexpr std::uint64_t made_on_unix = 3;
  return little(record, 5, 1) == made_on_unix && S_ISLNK(static_cast<mode_t>(little(record, 40, 2)));
}

// The entry whose record in the directory begins `record`.
shared::Result<Entry> read_entry(string_view archive, string_view record) {
  Entry entry;
  const std::size_t name_size = little(record, 28, 2);
  const std::size_t extra_size = little(record, 30, 2);
  if (entry_size + name_size + extra_size > record.size()) return damaged("its directory is wrong");
  entry.name = record.substr(entry_size, name_size);
  entry.packing = little(record, 10, 2);
  entry.size = little(record, 24, 4);
  std::uint64_t packed = little(record, 20, 4);
  entry.start = little(record, 42, 4);
  string_view large = large_record(record.substr(entry_size + name_size, extra_size));
  for (std::uint64_t* value : {&entry.size, &packed, &entry.start}) {
    if (*value == in_the_large_record) *value = large_number(large);
  }
  if (is_link(record)) return damaged("it has a symbolic link in it");
  if (climbs(entry.name)) return damaged("a name in it leads out of it");
  const bool has_header = entry.start < archive.size() && archive.size() - entry.start >= local_size &&
                          has_at(archive, entry.start, local_mark);
  if (!has_header) return damaged("its directory is wrong");
  const std::uint64_t local_name = little(archive, entry.start + 26, 2);
  const std::uint64_t begin = entry.start + local_size + local_name + little(archive, entry.start + 28, 2);
  if (begin > archive.size() || packed > archive.size() - begin) return damaged("its directory is wrong");
  if (archive.substr(entry.start + local_size, local_name) != entry.name) return damaged("an entry has two names");
  entry.packed = archive.substr(begin, packed);
  entry.end = begin + packed;
  return entry;
}

bool overlap(std::vector<Entry> entries) {
  std::sort(entries.begin(), entries.end(), [](const Entry& a, const Entry& b) { return a.start < b.start; });
  const auto shares = [](const Entry& a, const Entry& b) { return a.end > b.start; };
  return std::adjacent_find(entries.begin(), entries.end(), shares) != entries.end();
}

}  // namespace

shared::Result<std::vector<Entry>> read_directory(string_view archive, std::uint64_t most) {
  const auto where = find_directory(archive);
  if (!where) return damaged("its end is missing");
  if (most > 0 && where->count > most) {
    return Error{ErrorCode::input_too_large,
                 "The document has " + std::to_string(where->count) + " parts, more than " + std::to_string(most) +
                     " (archive_entries)",
                 {}};
  }
  std::vector<Entry> entries;
  string_view rest = archive.substr(where->offset, where->size);
  while (rest.size() >= entry_size && rest.starts_with(entry_mark)) {
    auto entry = read_entry(archive, rest);
    if (!entry) return entry.error();
    entries.push_back(*entry);
    const std::size_t size = entry_size + little(rest, 28, 2) + little(rest, 30, 2) + little(rest, 32, 2);
    rest.remove_prefix(std::min(size, rest.size()));
  }
  if (entries.size() != where->count) return damaged("its directory is wrong");
  if (overlap(entries)) return damaged("its parts lie over each other");
  return entries;
}

}  // namespace convd::inspect
