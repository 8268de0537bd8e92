// A document before an engine sees it: whatever its bytes, it is looked at within them, and what is within bounds says
// so.

#include "convd/inspect/archive.h"
#include "convd/inspect/directory.h"
#include "convd/inspect/inspection.h"
#include "convd/inspect/picture.h"
#include "convd/inspect/prolog.h"
#include "shared/utf8.h"
#include "tests/fuzz/input.h"

using namespace convd::inspect;

namespace {

Inspection inspection(std::size_t magic) {
  Inspection made;
  made.claim = {"docx", static_cast<Magic>(magic), "application/x-claimed", "a claimed document", "%CL"};
  made.limits.archive_entries = 20;
  made.limits.archive_size = 1 << 20;
  return made;
}

void check_directory(std::string_view bytes) {
  const auto entries = read_directory(bytes, 20);
  if (!entries) return fuzz::must(!entries.error().message.empty(), "a refusal says why");
  fuzz::must(entries->size() <= 20, "no more entries than allowed");
  for (const Entry& entry : *entries) {
    const auto within = [&](std::string_view part) {
      return part.empty() || (part.data() >= bytes.data() && part.data() + part.size() <= bytes.data() + bytes.size());
    };
    fuzz::must(within(entry.packed) && within(entry.name), "an entry lies within its archive");
    fuzz::must(entry.name.find("../") == entry.name.npos, "no name leads out of it");
  }
}

}  // namespace

FUZZ_TARGET(input) {
  const Inspection asked = inspection(input.number(static_cast<std::size_t>(Magic::given) + 1));
  const fuzz::Exact bytes(input.rest());
  const SniffResult sniffed = sniff(asked.claim, bytes.text());
  fuzz::must((sniffed.verdict == Sniff::empty) == bytes.text().empty(), "an empty file is one without bytes");
  if (const auto offset = directory_offset(bytes.text()))
    fuzz::must(*offset > 0 && *offset <= (std::size_t{1} << 44) + 4096, "a directory is within what a file can have");
  fuzz::must(pixels_of(bytes.text()).value_or(0) >= 0, "no picture has less than nothing");
  for (const Doctype doctype : {Doctype::refused, Doctype::harmless_allowed}) {
    const auto danger = danger_in_prolog(bytes.text(), doctype);
    fuzz::must(!danger || !danger->empty(), "a refusal says why");
  }
  fuzz::must(
      danger_in_prolog(bytes.text(), Doctype::refused) || !danger_in_prolog(bytes.text(), Doctype::harmless_allowed),
      "what is harmful is nowhere allowed");
  check_directory(bytes.text());
  (void)check_archive(bytes.text(), asked);
  if (const auto refusal = refusal_in(bytes.text()))
    fuzz::must(!shared::to_string(refusal->code).empty(), "a code has a name");
  if (const auto read = decode(bytes.text())) {
    const auto again = decode(encode(*read));
    fuzz::must(again.ok() && encode(*again) == encode(*read), "what was read is written as the same");
  }
  const auto again = decode(encode(asked));
  fuzz::must(again.ok() && encode(*again) == encode(asked), "what was asked comes through");
}
