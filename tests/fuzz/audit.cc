// A line of the audit log, whatever a client has put into its names: one line of JSON without control characters.

#include "convd/trust/audit.h"

#include "shared/json.h"
#include "tests/fuzz/input.h"

using namespace convd::trust;

FUZZ_TARGET(input) {
  AuditEntry entry;
  entry.principal = input.line();
  entry.address = input.line();
  entry.subject = input.rest();
  entry.action = "fetch_document";
  entry.status = 404;
  entry.code = "document_not_found";
  const std::string line = to_line(entry, 1'790'000'000'000);
  fuzz::must(line.back() == '\n' && line.find('\n') == line.size() - 1, "it is one line");
  for (std::size_t i = 0; i + 1 < line.size(); ++i) {
    fuzz::must(static_cast<unsigned char>(line[i]) >= 0x20 && line[i] != 0x7f, "it has no control bytes");
    fuzz::must(line[i] != '\xc2' || static_cast<unsigned char>(line[i + 1]) >= 0xa0, "it has no control characters");
  }
  const auto json = shared::Json::parse(line);
  fuzz::must(json.ok(), "it is JSON");
  fuzz::must(json->read().at("action")->string().value() == "fetch_document", "a name changes nothing but itself");
  fuzz::must(line.size() < 8000, "it is short");
}
