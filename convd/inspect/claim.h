#pragma once
// What a file says it is, and what its first bytes say. Any thread.

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace convd::inspect {

// What the first bytes of a file must look like for the name to be believed.
enum class Magic : unsigned char {
  none,  // text: anything without NUL bytes that decodes
  zip,   // docx xlsx pptx odt ods odp odg epub
  ole,   // doc xls ppt vsd pub, and encrypted OOXML
  pdf,
  rtf,
  png,
  jpeg,
  webp,
  tiff,
  gif,
  bmp,
  heif,
  xml,  // svg, fodt: "<" first, after an optional BOM and blanks
  wordperfect,
  wav,
  mp3,
  flac,
  ogg,
  mp4,
  matroska,
  given,  // the format's own bytes, for those of engines.d
};

struct Claim {
  std::string format;  // "docx"
  Magic magic = Magic::none;
  std::string media_type;
  std::string title;   // for people
  std::string begins;  // Magic::given: what a file begins with; empty is anything
};

bool is_ooxml(const Claim& claim);

// What the first bytes (4 KiB are enough) say about a file of this claim. Old Office containers name their streams
// further on: with the bytes at directory_offset() appended to `head`, an encrypted docx and a renamed doc are told
// apart.
enum class Sniff : unsigned char { agrees, encrypted, differs, empty };
struct SniffResult {
  Sniff verdict = Sniff::agrees;
  std::string seen;  // for people: "a PNG image", "random bytes"
};
SniffResult sniff(const Claim& claimed, std::string_view head);
// Where in the file an OLE container keeps its directory (read 4 KiB there); nothing for other files.
std::optional<std::size_t> directory_offset(std::string_view head);

}  // namespace convd::inspect
