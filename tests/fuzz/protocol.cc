// Status objects, results, receipts and findings as both programs and the database have them: what was read is written
// as the same.

#include "shared/protocol.h"

#include "shared/finding.h"
#include "shared/receipt.h"
#include "shared/time.h"
#include "tests/fuzz/input.h"

using namespace shared;

namespace {

template <typename Read>
void round(const Json& json, Read read) {
  const auto value = read(json.read());
  if (!value) return;
  const std::string once = to_json(*value).dump();
  const auto parsed = Json::parse(once, {.size_bytes = 1 << 20, .depth = 32});
  fuzz::must(parsed.ok(), "what is written can be read");
  const auto again = read(parsed->read());
  fuzz::must(again.ok() && to_json(*again).dump() == once, "what was read is written as the same");
}

}  // namespace

FUZZ_TARGET(input) {
  const std::size_t kind = input.number(7);
  const fuzz::Exact text(input.rest());
  if (kind == 0) {
    if (const auto ms = from_rfc3339(text.text()))
      fuzz::must(from_rfc3339(to_rfc3339(*ms)) == ms, "a time can be written and read again");
    return;
  }
  const auto json = Json::parse(text.text());
  if (!json) return;
  if (kind == 1) round(*json, status_object_from);
  if (kind == 2) round(*json, result_info_from);
  if (kind == 3) round(*json, error_info_from);
  if (kind == 4) round(*json, receipt_from);
  if (kind == 5) round(*json, receipt_record_from);
  if (kind == 6) round(*json, finding_from);
}
