#pragma once
// The formats convd knows: one constant table. Any thread.

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace convd::engines {

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
};

struct Format {
  std::string_view name;  // "docx": the word in requests, and the extension of a result
  std::string_view media_type;
  Magic magic;
  std::string_view extensions;  // space separated, lower case, first is the usual one
  std::string_view title;       // for people
};

const std::vector<Format>& formats();
// By name or alias ("jpeg", "markdown", "tif", "htm"); case-insensitive.
const Format* find_format(std::string_view name);
// By the extension of a file name; case-insensitive.
const Format* format_of_filename(std::string_view filename);

// What the first bytes (4 KiB are enough) say about a file that claims to be `claimed`. Old Office containers name
// their streams further on: with the bytes at directory_offset() appended to `head`, an encrypted docx and a renamed
// doc are told apart.
enum class Sniff : unsigned char { agrees, encrypted, differs, empty };
struct SniffResult {
  Sniff verdict = Sniff::agrees;
  std::string seen;  // for people: "a PNG image", "random bytes"
};
SniffResult sniff(const Format& claimed, std::string_view head);
// Where in the file an OLE container keeps its directory (read 4 KiB there); nothing for other files.
std::optional<std::size_t> directory_offset(std::string_view head);

}  // namespace convd::engines
