// What the first bytes of a file say.

#include <algorithm>
#include <array>
#include <cstdint>

#include "convd/inspect/bytes.h"
#include "convd/inspect/claim.h"
#include "convd/inspect/picture.h"

namespace convd::inspect {
namespace {

using std::string_view;
using namespace std::string_view_literals;

constexpr string_view ole_magic = "\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1"sv;
constexpr string_view local_header = "PK\x03\x04"sv;
constexpr std::size_t local_header_size = 30;

bool any_at(string_view head, std::size_t offset, std::initializer_list<string_view> words) {
  return std::any_of(words.begin(), words.end(), [&](string_view word) { return has_at(head, offset, word); });
}

// Stream names in an OLE directory are UTF-16.
bool names_stream(string_view bytes, string_view name) {
  std::string wide;
  for (const char c : name) wide.append({c, '\0'});
  return bytes.find(wide) != string_view::npos;
}

string_view without_blanks(string_view head) {
  if (has_at(head, 0, "\xEF\xBB\xBF"sv)) head.remove_prefix(3);
  const auto first = head.find_first_not_of(" \t\r\n"sv);
  return first == string_view::npos ? string_view() : head.substr(first);
}

bool is_utf16_xml(string_view head) {
  return any_at(head, 0, {"\xFF\xFE<\0"sv, "\xFE\xFF\0<"sv});
}

bool is_mp3(string_view head) {
  if (has_at(head, 0, "ID3"sv)) return head.size() > 3 && static_cast<unsigned char>(head[3]) < 0x10;
  const auto first = head.find_first_not_of('\0');
  if (first == string_view::npos || first + 1 >= head.size()) return false;
  const auto second = static_cast<unsigned char>(head[first + 1]);
  return head[first] == '\xFF' && (second & 0xE0) == 0xE0 && (second & 0x06) != 0;
}

bool is_a(Magic magic, string_view head) {
  switch (magic) {
    case Magic::none:
    case Magic::given:
      return true;
    case Magic::zip:
      return has_at(head, 0, local_header);
    case Magic::ole:
      return has_at(head, 0, ole_magic);
    case Magic::pdf:
      return head.substr(0, 1024).find("%PDF-"sv) != string_view::npos;
    case Magic::rtf:
      return has_at(without_blanks(head), 0, "{\\rtf"sv);
    case Magic::png:
      return has_at(head, 0, "\x89PNG\r\n\x1A\n"sv);
    case Magic::jpeg:
      return has_at(head, 0, "\xFF\xD8\xFF"sv);
    case Magic::webp:
      return has_at(head, 0, "RIFF"sv) && has_at(head, 8, "WEBP"sv);
    case Magic::tiff:
      return any_at(head, 0, {"II*\0"sv, "MM\0*"sv, "II+\0"sv, "MM\0+"sv});
    case Magic::gif:
      return any_at(head, 0, {"GIF87a"sv, "GIF89a"sv});
    case Magic::bmp:
      return has_at(head, 0, "BM"sv);
    case Magic::heif:
      return is_heif(head);
    case Magic::xml:
      return has_at(without_blanks(head), 0, "<"sv) || is_utf16_xml(head);
    case Magic::wordperfect:
      return has_at(head, 0, "\xFFWPC"sv);
    case Magic::wav:
      return any_at(head, 0, {"RIFF"sv, "RF64"sv}) && has_at(head, 8, "WAVE"sv);
    case Magic::mp3:
      return is_mp3(head);
    case Magic::flac:
      return has_at(head, 0, "fLaC"sv) || has_at(head, 0, "ID3"sv);
    case Magic::ogg:
      return has_at(head, 0, "OggS"sv);
    case Magic::mp4:
      return any_at(head, 4, {"ftyp"sv, "moov"sv, "mdat"sv, "free"sv, "wide"sv, "skip"sv, "pnot"sv}) && !is_heif(head);
    case Magic::matroska:
      return has_at(head, 0, "\x1A\x45\xDF\xA3"sv);
  }
  return false;
}

struct Known {
  Magic magic;
  string_view seen;
};

// What can be told from its first bytes with certainty, whatever the file is called.
constexpr std::array<Known, 15> binaries{{{Magic::png, "a PNG image"},
                                          {Magic::jpeg, "a JPEG image"},
                                          {Magic::webp, "a WebP image"},
                                          {Magic::tiff, "a TIFF image"},
                                          {Magic::gif, "a GIF image"},
                                          {Magic::heif, "a HEIF image"},
                                          {Magic::pdf, "a PDF document"},
                                          {Magic::zip, "a zip archive"},
                                          {Magic::ole, "an Office 97-2003 document"},
                                          {Magic::wordperfect, "a WordPerfect document"},
                                          {Magic::wav, "a WAV sound"},
                                          {Magic::flac, "a FLAC sound"},
                                          {Magic::ogg, "an Ogg file"},
                                          {Magic::mp4, "an MPEG-4 file"},
                                          {Magic::matroska, "a Matroska file"}}};

const Known* known_binary(string_view head) {
  for (const Known& row : binaries) {
    if (is_a(row.magic, head)) return &row;
  }
  return nullptr;
}

bool looks_like_text(string_view head) {
  return std::none_of(head.begin(), head.end(), [](char c) {
    return static_cast<unsigned char>(c) < 0x20 && c != '\n' && c != '\r' && c != '\t' && c != '\f';
  });
}

std::string describe(string_view head) {
  if (has_at(head, 0, "#EXTM3U"sv)) return "an HLS playlist";
  if (is_a(Magic::rtf, head)) return "rich text";
  if (const Known* known = known_binary(head)) return std::string(known->seen);
  if (has_at(head, 0, "\x1F\x8B"sv)) return "a gzip archive";
  if (has_at(head, 0, "MZ"sv) || has_at(head, 0,
                                        "\x7F"
                                        "ELF"sv))
    return "a program";
  if (is_a(Magic::mp3, head)) return "an MP3 sound";
  if (has_at(without_blanks(head), 0, "<"sv)) return "HTML or XML text";
  if (looks_like_text(head)) return "plain text";
  return "unrecognised bytes";
}

// The content of the leading "mimetype" entry of OpenDocument and EPUB files.
string_view declared_type(string_view head) {
  if (!has_at(head, local_header_size, "mimetype"sv)) return {};
  const std::size_t begin = local_header_size + 8 + little(head, 28, 2);
  const std::size_t size = little(head, 22, 4);
  if (size > 256 || head.size() < begin + size) return {};
  const string_view type = head.substr(begin, size);
  return type.substr(0, type.find_last_not_of(" \r\n"sv) + 1);
}

// In an encrypted OpenDocument file the XML parts are stored as they are (method 0) and do not begin like XML.
bool has_encrypted_part(string_view head) {
  for (auto at = head.find(local_header); at != string_view::npos; at = head.find(local_header, at + 4)) {
    if (at + local_header_size > head.size()) return false;
    const std::size_t name_size = little(head, at + 26, 2);
    const std::size_t data = at + local_header_size + name_size + little(head, at + 28, 2);
    const string_view name = head.substr(at + local_header_size, name_size);
    const bool is_part = name == "meta.xml"sv || name == "content.xml"sv || name == "settings.xml"sv ||
                         name == "styles.xml"sv || name == "encrypted-package"sv;
    const bool stored = little(head, at + 8, 2) == 0;
    if (is_part && stored && data < head.size() && head[data] != '<' && head[data] != '\xEF') return true;
  }
  return false;
}

struct OleKind {
  string_view stream;
  string_view format;
  string_view seen;
};

// The stream that makes an OLE container what it is.
constexpr std::array<OleKind, 5> ole_kinds{{
    {"WordDocument", "doc", "a Word 97-2003 document (doc)"},
    {"Workbook", "xls", "an Excel 97-2003 workbook (xls)"},
    {"PowerPoint Document", "ppt", "a PowerPoint 97-2003 presentation (ppt)"},
    {"VisioDocument", "vsd", "a Visio drawing (vsd)"},
    {"Quill", "pub", "a Publisher document (pub)"},
}};

SniffResult sniff_ole(const Claim& claimed, string_view head) {
  if (names_stream(head, "EncryptedPackage")) return {Sniff::encrypted, "an encrypted Office document"};
  // Word, Excel and PowerPoint files embed each other, so that all their streams may be named.
  const bool may_embed = claimed.format == "doc"sv || claimed.format == "xls"sv || claimed.format == "ppt"sv;
  const auto own = std::find_if(ole_kinds.begin(), ole_kinds.end(),
                                [&](const OleKind& kind) { return kind.format == claimed.format; });
  if (may_embed || (own != ole_kinds.end() && names_stream(head, own->stream))) return {Sniff::agrees, claimed.title};
  for (const OleKind& kind : ole_kinds) {
    if (names_stream(head, kind.stream)) return {Sniff::differs, std::string(kind.seen)};
  }
  if (is_ooxml(claimed)) return {Sniff::encrypted, "an encrypted Office document"};
  // The stream may be listed beyond what was read.
  if (own != ole_kinds.end()) return {Sniff::agrees, claimed.title};
  return {Sniff::differs, describe(head)};
}

SniffResult sniff_zip(const Claim& claimed, string_view head) {
  if (head.size() < local_header_size) return {Sniff::differs, "a damaged zip archive"};
  if ((little(head, 6, 2) & 1) != 0) return {Sniff::encrypted, "an encrypted zip archive"};
  const string_view type = declared_type(head);
  if (is_ooxml(claimed)) {
    if (type == "application/epub+zip"sv) return {Sniff::differs, "an EPUB book"};
    if (!type.empty()) return {Sniff::differs, "an OpenDocument file"};
    return {Sniff::agrees, claimed.title};
  }
  if (has_at(head, local_header_size, "[Content_Types].xml"sv)) return {Sniff::differs, "an Office Open XML document"};
  // Templates ("...text-template") and the like are read by the same filter.
  if (!type.empty() && type.substr(0, claimed.media_type.size()) != claimed.media_type) {
    return {Sniff::differs, "a file of type " + std::string(type)};
  }
  if (claimed.format != "epub"sv && has_encrypted_part(head)) {
    return {Sniff::encrypted, "an encrypted OpenDocument file"};
  }
  return {Sniff::agrees, claimed.title};
}

}  // namespace

bool is_ooxml(const Claim& claim) {
  const bool same_container = claim.format == "xlsb"sv || claim.format == "vsdx"sv;
  return claim.magic == Magic::zip &&
         (same_container || claim.media_type.find("openxmlformats"sv) != string_view::npos);
}

SniffResult sniff(const Claim& claimed, string_view head) {
  if (head.empty()) return {Sniff::empty, "an empty file"};
  if (claimed.magic == Magic::given) {
    if (has_at(head, 0, claimed.begins)) return {Sniff::agrees, claimed.title};
    return {Sniff::differs, describe(head)};
  }
  if (is_a(Magic::ole, head)) return sniff_ole(claimed, head);
  if (claimed.magic == Magic::none) {
    const Known* known = known_binary(head);
    if (known != nullptr) return {Sniff::differs, std::string(known->seen)};
    return {Sniff::agrees, claimed.title};
  }
  if (!is_a(claimed.magic, head)) return {Sniff::differs, describe(head)};
  if (claimed.magic == Magic::zip) return sniff_zip(claimed, head);
  return {Sniff::agrees, claimed.title};
}

std::optional<std::size_t> directory_offset(string_view head) {
  constexpr std::size_t header_size = 0x34;
  if (!is_a(Magic::ole, head) || head.size() < header_size) return std::nullopt;
  const std::uint64_t shift = little(head, 0x1E, 2);
  if (shift != 9 && shift != 12) return std::nullopt;
  return (static_cast<std::size_t>(little(head, 0x30, 4)) + 1) << shift;
}

}  // namespace convd::inspect
