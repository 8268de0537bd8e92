#include "convd/engines/formats.h"

#include <set>
#include <string>

#include "tests/support/catch.h"

using namespace convd::engines;
using namespace convd::inspect;
using namespace std::string_literals;

namespace {

const std::string ole = "\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1"s;
const std::string png = "\x89PNG\r\n\x1A\n\0\0\0\rIHDR"s;

SniffResult look(const std::string& format, const std::string& head) {
  return sniff(claim_of(*find_format(format)), head);
}

std::string utf16(const std::string& text) {
  std::string wide;
  for (const char c : text) wide += {c, '\0'};
  return wide;
}

std::string little_endian(std::size_t value, int width) {
  std::string bytes;
  for (int i = 0; i < width; ++i) bytes += static_cast<char>(value >> (8 * i) & 0xFF);
  return bytes;
}

enum class Packed { stored, deflated };

// One entry of a zip file: its local header and content.
std::string entry(const std::string& name, const std::string& content, Packed packed = Packed::stored, int flags = 0) {
  return "PK\x03\x04"s + little_endian(20, 2) + little_endian(static_cast<std::size_t>(flags), 2) +
         little_endian(packed == Packed::stored ? 0 : 8, 2) + std::string(8, '\0') + little_endian(content.size(), 4) +
         little_endian(content.size(), 4) + little_endian(name.size(), 2) + little_endian(0, 2) + name + content;
}

const std::string docx = entry("[Content_Types].xml", "x", Packed::deflated);
const std::string odt = entry("mimetype", "application/vnd.oasis.opendocument.text");

}  // namespace

TEST_CASE("a format is found by its name, an alias, or an extension, in any case") {
  CHECK(find_format("docx")->name == "docx");
  CHECK(find_format("PDF")->name == "pdf");
  CHECK(find_format("latex")->name == "tex");
  CHECK(find_format("jpeg")->name == "jpg");
  CHECK(find_format("markdown")->name == "md");
  CHECK(find_format("tif")->name == "tiff");
  CHECK(find_format("htm")->name == "html");
  CHECK(find_format("zip") == nullptr);
  CHECK(find_format("") == nullptr);
}

TEST_CASE("a file name tells its format by the last extension") {
  CHECK(format_of_filename("Report.final.DOCX")->name == "docx");
  CHECK(format_of_filename("photo.JPG")->name == "jpg");
  CHECK(format_of_filename("letter.dotx")->name == "docx");
  CHECK(format_of_filename("macros.XLSM")->name == "xlsx");
  CHECK(format_of_filename("book.xlsb")->name == "xlsb");
  CHECK(format_of_filename("\xC3\x9Cn\xC3\xAF.docx")->name == "docx");
  CHECK(format_of_filename("list.m3u8") == nullptr);
  CHECK(format_of_filename("README") == nullptr);
  CHECK(format_of_filename("docx") == nullptr);
  CHECK(format_of_filename("ends.") == nullptr);
}

TEST_CASE("no extension belongs to two formats, and a name is its own first extension") {
  std::set<std::string> seen;
  for (const Format& format : formats()) {
    std::string rest(format.extensions);
    CHECK(rest.substr(0, rest.find(' ')) == format.name);
    CHECK(format.media_type.find('/') != std::string_view::npos);
    while (!rest.empty()) {
      const auto end = rest.find(' ');
      CHECK(seen.insert(rest.substr(0, end)).second);
      rest = end == std::string::npos ? "" : rest.substr(end + 1);
    }
  }
}

TEST_CASE("first bytes that fit the name are believed") {
  const std::vector<std::pair<std::string, std::string>> heads{
      {"docx", docx},
      {"odt", odt},
      {"ods", entry("mimetype", "application/vnd.oasis.opendocument.spreadsheet")},
      {"epub", entry("mimetype", "application/epub+zip\n")},
      {"doc", ole},
      {"pdf", "%PDF-1.7\n"},
      {"pdf", "junk before\n%PDF-1.4"},
      {"rtf", "{\\rtf1\\ansi"},
      {"png", png},
      {"jpg", "\xFF\xD8\xFF\xE0"},
      {"webp", "RIFF\x10\0\0\0WEBPVP8 "s},
      {"tiff", "MM\0*"s},
      {"gif", "GIF89a"},
      {"bmp", "BM\0\0"s},
      {"heic",
       "\0\0\0\x18"
       "ftypheic"s},
      {"avif",
       "\0\0\0\x18"
       "ftypavif"s},
      {"svg", "\xEF\xBB\xBF\n  <svg xmlns='x'/>"},
      {"fodt", "<?xml version='1.0'?>"},
      {"wav", "RIFF\x10\0\0\0WAVEfmt "s},
      {"mp3", "ID3\x03\0"s},
      {"mp3", "\xFF\xFB\x90\x44"},
      {"flac", "fLaC"},
      {"ogg", "OggS"},
      {"mp4",
       "\0\0\0\x18"
       "ftypmp42"s},
      {"mov", "\0\0\0\x08wide"s},
      {"webm", "\x1A\x45\xDF\xA3"},
      {"wpd", "\xFFWPC\x10"},
      {"odg", entry("mimetype", "application/vnd.oasis.opendocument.graphics-template")},
      {"fods", "<?xml version='1.0'?>"},
      {"xlsb", docx},
      {"vsdx", docx},
      {"vsd", ole},
      {"vsd", ole + utf16("VisioDocument")},
      {"pub", ole + utf16("Quill")},
      {"tsv", "a\tb"},
  };
  for (const auto& [format, head] : heads) {
    INFO(format);
    CHECK(look(format, head).verdict == Sniff::agrees);
  }
}

TEST_CASE("a file that is something else is named for what it is") {
  const std::vector<std::tuple<std::string, std::string, std::string>> rows{
      {"docx", png, "a PNG image"},
      {"docx", "\x01\x8F\xFE random", "unrecognised bytes"},
      {"docx", odt, "an OpenDocument file"},
      {"docx", entry("mimetype", "application/epub+zip"), "an EPUB book"},
      {"docx", "hello there", "plain text"},
      {"docx", "PK\x03\x04", "a damaged zip archive"},
      {"odt", docx, "an Office Open XML document"},
      {"odt", entry("mimetype", "application/epub+zip"), "a file of type application/epub+zip"},
      {"odt", ole, "an Office 97-2003 document"},
      {"doc", "{\\rtf1", "rich text"},
      {"doc", docx, "a zip archive"},
      {"xls", "<html>", "HTML or XML text"},
      {"vsd", ole + utf16("WordDocument"), "a Word 97-2003 document (doc)"},
      {"pub", ole + utf16("VisioDocument"), "a Visio drawing (vsd)"},
      {"docx", ole + utf16("VisioDocument"), "a Visio drawing (vsd)"},
      {"doc", "\xFFWPC\x10", "a WordPerfect document"},
      {"txt", "\xFFWPC\x10", "a WordPerfect document"},
      {"vsdx", odt, "an OpenDocument file"},
      {"wpd", "plain", "plain text"},
      {"mp4", "#EXTM3U\n#EXT-X-VERSION:3\n", "an HLS playlist"},
      {"svg", "\x1F\x8B\x08", "a gzip archive"},
      {"pdf",
       "\x7F"
       "ELF",
       "a program"},
      {"txt", png, "a PNG image"},
      {"md", "%PDF-1.4", "a PDF document"},
      {"mp4",
       "\0\0\0\x18"
       "ftypheic"s,
       "a HEIF image"},
  };
  for (const auto& [format, head, seen] : rows) {
    INFO(format << " seen as " << seen);
    const SniffResult result = look(format, head);
    CHECK(result.verdict == Sniff::differs);
    CHECK(result.seen == seen);
  }
}

TEST_CASE("an empty file is empty, whatever it is called") {
  CHECK(look("docx", "").verdict == Sniff::empty);
  CHECK(look("txt", "").verdict == Sniff::empty);
}

TEST_CASE("text may hold anything that is not a known binary format") {
  CHECK(look("txt", "a\0b\xFF\xFE"s).verdict == Sniff::agrees);
  CHECK(look("csv", "\xFF\xFEp\0r\0"s).verdict == Sniff::agrees);
  CHECK(look("txt", "BM is no picture").verdict == Sniff::agrees);
  CHECK(look("html", "<!DOCTYPE html>").verdict == Sniff::agrees);
  CHECK(look("txt", "#EXTM3U").verdict == Sniff::agrees);
}

TEST_CASE("an OLE container is encrypted, an old document, or what its name says") {
  CHECK(look("docx", ole).verdict == Sniff::encrypted);
  CHECK(look("docx", ole + utf16("EncryptedPackage")).verdict == Sniff::encrypted);
  CHECK(look("xlsx", ole + utf16("Workbook")).verdict == Sniff::differs);
  CHECK(look("docx", ole + utf16("WordDocument")).seen == "a Word 97-2003 document (doc)");
  CHECK(look("doc", ole + utf16("WordDocument")).verdict == Sniff::agrees);
  CHECK(look("doc", ole + utf16("EncryptedPackage")).verdict == Sniff::encrypted);
}

TEST_CASE("the directory of an OLE container is found from its header") {
  std::string header = ole + std::string(0x34 - ole.size(), '\0');
  header.replace(0x1E, 2, "\x09\0"s);
  header.replace(0x30, 4, "\x10\0\0\0"s);
  CHECK(directory_offset(header) == std::size_t{17 * 512});
  header.replace(0x1E, 2, "\x0C\0"s);
  CHECK(directory_offset(header) == std::size_t{17 * 4096});
  header.replace(0x1E, 2, "\x3F\0"s);
  CHECK_FALSE(directory_offset(header));
  CHECK_FALSE(directory_offset(ole));
  CHECK_FALSE(directory_offset(docx));
}

TEST_CASE("an encrypted OpenDocument file has stored parts that are not XML") {
  CHECK(look("odt", odt + entry("meta.xml", "\x8A\x01\x77")).verdict == Sniff::encrypted);
  CHECK(look("odt", odt + entry("settings.xml", "\x11")).verdict == Sniff::encrypted);
  CHECK(look("odt", odt + entry("meta.xml", "<?xml")).verdict == Sniff::agrees);
  CHECK(look("odt", odt + entry("meta.xml", "\x8A\x01", Packed::deflated)).verdict == Sniff::agrees);
  CHECK(look("odt", odt + entry("Pictures/1.png", png)).verdict == Sniff::agrees);
}

TEST_CASE("an encrypted zip entry is encrypted") {
  CHECK(look("docx", entry("word/document.xml", "x", Packed::deflated, 1)).verdict == Sniff::encrypted);
}

TEST_CASE("no cut of a head is read beyond its end") {
  for (const std::string& whole : {odt + entry("meta.xml", "\x8A"), docx, ole + std::string(100, '\x09'), png}) {
    for (std::size_t size = 0; size <= whole.size(); ++size) {
      for (const Format& format : formats()) {
        const std::string head = whole.substr(0, size);
        CHECK_FALSE(sniff(claim_of(format), head).seen.empty());
        directory_offset(head);
      }
    }
  }
}
