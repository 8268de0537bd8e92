// Range, If-Range, If-None-Match, Prefer and the name of an attachment: a range lies within its file, a name stays
// within its quotes.

#include "convd/api/conditions.h"

#include "tests/fuzz/input.h"

using namespace convd::api;

FUZZ_TARGET(input) {
  // 0 bytes, some, and as many as there can be.
  const std::size_t size = input.number(256);
  const std::int64_t size_bytes = size == 255 ? INT64_MAX : static_cast<std::int64_t>(size);
  const fuzz::Exact first(input.line());
  const fuzz::Exact second(input.line());
  const fuzz::Exact third(input.rest());

  const ByteRange range = parse_range(first.text(), size_bytes);
  if (range.kind == ByteRange::Kind::part) {
    fuzz::must(range.offset >= 0 && range.length > 0, "a part is something");
    fuzz::must(range.length <= size_bytes && range.offset <= size_bytes - range.length, "a part lies within its file");
  } else {
    fuzz::must(range.offset == 0 && range.length == 0, "what is no part says so");
  }
  if (range_applies(first.text(), "\"etag\""))
    fuzz::must(first.text().find_first_not_of(" \t") == first.text().npos ||
                   first.text().find("\"etag\"") != first.text().npos,
               "If-Range names the tag");
  if (names_etag(second.text(), "\"etag\"")) {
    fuzz::must(second.text().find('*') != second.text().npos || second.text().find("\"etag\"") != second.text().npos,
               "If-None-Match names the tag");
  }
  fuzz::must(preferred_wait_s(second.text()).value_or(0) >= 0, "nobody waits for less than nothing");

  const std::string name = attachment(third.text());
  for (const char c : name) fuzz::must(c >= 0x20 && c < 0x7f, "the header is one line of ASCII");
  fuzz::must(std::count(name.begin(), name.end(), '"') == 2, "the name stays within its quotes");
  fuzz::must(name.find('\\') == name.npos, "nothing in it is an escape");
}
