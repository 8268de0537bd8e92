// What convd, convd-runner and convd-office say to each other, and the notes of a child that reads a document: what was
// read is written as the same.

#include "convd/process/wire.h"

#include "convd/process/office_wire.h"
#include "tests/fuzz/input.h"

using namespace convd::process;

namespace {

template <typename Decode, typename Encode>
void round(std::string_view text, Decode decode, Encode encode) {
  const auto message = decode(text);
  if (!message) return;
  const std::string once = encode(*message);
  const auto again = decode(once);
  fuzz::must(bool(again), "what is written can be read");
  fuzz::must(encode(*again) == once, "what was read is written as the same");
  fuzz::must(once.find('\n') == std::string::npos, "it is one line");
}

}  // namespace

FUZZ_TARGET(input) {
  const std::size_t kind = input.number(3);
  const fuzz::Exact text(input.rest());
  if (kind == 0) round(text.text(), decode, encode);
  if (kind == 1) round(text.text(), decode_office, encode_office);
  if (kind == 2) round(text.text(), decode_note, encode_note);
}
