#include <unistd.h>
#include <zlib.h>

#include <fstream>
#include <string>
#include <vector>

#include "convd/inspect/archive.h"
#include "convd/inspect/inspection.h"
#include "convd/inspect/picture.h"
#include "convd/inspect/prolog.h"
#include "tests/support/catch.h"
#include "tests/support/temp_directory.h"

using namespace convd::inspect;
using shared::ErrorCode;
using namespace std::string_literals;

namespace {

std::string little_endian(std::uint64_t value, int width) {
  std::string bytes;
  for (int i = 0; i < width; ++i) bytes += static_cast<char>(value >> (8 * i) & 0xFF);
  return bytes;
}
std::string big_endian(std::uint64_t value, int width) {
  const std::string bytes = little_endian(value, width);
  return {bytes.rbegin(), bytes.rend()};
}

std::string deflated(const std::string& text) {
  z_stream stream{};
  REQUIRE(deflateInit2(&stream, 9, Z_DEFLATED, -MAX_WBITS, 8, Z_DEFAULT_STRATEGY) == Z_OK);
  std::string packed(deflateBound(&stream, text.size()), '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  stream.avail_in = static_cast<uInt>(text.size());
  stream.next_out = reinterpret_cast<Bytef*>(packed.data());
  stream.avail_out = static_cast<uInt>(packed.size());
  REQUIRE(deflate(&stream, Z_FINISH) == Z_STREAM_END);
  packed.resize(stream.total_out);
  deflateEnd(&stream);
  return packed;
}

struct Part {
  std::string name;
  std::string content;
  std::uint64_t told_size = UINT64_MAX;  // instead of the true one
  std::string other_name = {};           // in the local header
  unsigned mode = 0;                     // of Unix
};

// A zip archive. `shift`: every entry says that it begins where the first does.
enum class Places { own, the_same };
std::string archive(const std::vector<Part>& parts, Places places = Places::own) {
  std::string whole;
  std::string directory;
  for (const Part& part : parts) {
    const std::string packed = deflated(part.content);
    const std::uint64_t size = part.told_size == UINT64_MAX ? part.content.size() : part.told_size;
    const std::uint64_t start = places == Places::own ? whole.size() : 0;
    const std::string& local_name = part.other_name.empty() ? part.name : part.other_name;
    whole += "PK\x03\x04" + little_endian(20, 2) + little_endian(0, 2) + little_endian(8, 2) + std::string(8, '\0') +
             little_endian(packed.size(), 4) + little_endian(size, 4) + little_endian(local_name.size(), 2) +
             little_endian(0, 2) + local_name + packed;
    directory += "PK\x01\x02" + little_endian(20, 1) + little_endian(part.mode == 0 ? 0 : 3, 1) + little_endian(20, 2) +
                 little_endian(0, 2) + little_endian(8, 2) + std::string(8, '\0') + little_endian(packed.size(), 4) +
                 little_endian(size, 4) + little_endian(part.name.size(), 2) + std::string(8, '\0') +
                 little_endian(0, 2) + little_endian(part.mode, 2) + little_endian(start, 4) + part.name;
  }
  return whole + directory + "PK\x05\x06" + little_endian(0, 4) + little_endian(parts.size(), 2) +
         little_endian(parts.size(), 2) + little_endian(directory.size(), 4) + little_endian(whole.size(), 4) +
         little_endian(0, 2);
}

Inspection of(const std::string& format) {
  Inspection inspection;
  inspection.claim = {format, Magic::zip, "", "a document", ""};
  if (format == "docx") inspection.claim.media_type = "application/vnd.openxmlformats-officedocument";
  return inspection;
}

// "" or the code, a blank and the sentence.
std::string said(const std::optional<shared::Error>& error) {
  return error ? std::string(shared::to_string(error->code)) + " " + error->message : "";
}

std::string verdict(const std::string& bytes, const Inspection& inspection = of("odt")) {
  return said(check_archive(bytes, inspection));
}

bool starts(const std::string& text, const std::string& with) {
  INFO(text);
  return text.starts_with(with);
}

}  // namespace

TEST_CASE("an archive that is sound may pass") {
  CHECK(verdict(archive({{"mimetype", "x"}, {"content.xml", "<?xml version=\"1.0\"?><a/>"}, {"empty", ""}})).empty());
  CHECK(verdict(archive({{"a", std::string(60 << 20, 'x')}})).empty());  // small enough for any ratio
}

TEST_CASE("an archive that lies about itself is damaged") {
  CHECK(starts(verdict("PK\x03\x04 and no more"), "input_invalid The document is a damaged zip archive: its end"));
  const std::string good = archive({{"a", "text"}, {"b", "text"}});
  CHECK(starts(verdict(good.substr(0, good.size() - 1)), "input_invalid"));
  CHECK(starts(verdict(good.substr(10)), "input_invalid"));
  CHECK(verdict(archive({{"a", std::string(5000, 'x'), 10}})) ==
        "input_invalid The document is a damaged zip archive: a part of it is damaged, or larger than it says");
  CHECK(starts(verdict(archive({{"a", "text", 5000}})), "input_invalid"));
  CHECK(
      starts(verdict(archive({{"a", "text", 4, "b"}})), "input_invalid The document is a damaged zip archive: an en"));
  CHECK(starts(verdict(archive({{"a", "text"}, {"a", "text"}}, Places::the_same)),
               "input_invalid The document is a damaged zip archive: its parts lie over each other"));
}

TEST_CASE("names that lead out of an archive, and links, are refused") {
  for (const std::string name : {"../a", "a/../../b", "a\\..\\..\\b", "..", "a/.."}) {
    INFO(name);
    CHECK(starts(verdict(archive({{name, "x"}})), "input_invalid The document is a damaged zip archive: a name in it"));
  }
  for (const std::string name : {"a..b", "..a/b", "a/...", "./a"}) CHECK(verdict(archive({{name, "x"}})).empty());
  CHECK(starts(verdict(archive({{"a", "/etc/passwd", UINT64_MAX, "", 0120777}})),
               "input_invalid The document is a damaged zip archive: it has a symbolic link in it"));
}

TEST_CASE("bombs are told by the limit they exceed") {
  auto inspection = of("odt");
  inspection.limits.archive_entries = 2;
  CHECK(verdict(archive({{"a", ""}, {"b", ""}}), inspection).empty());
  CHECK(verdict(archive({{"a", ""}, {"b", ""}, {"c", ""}}), inspection) ==
        "input_too_large The document has 3 parts, more than 2 (archive_entries)");
  inspection.limits.archive_size = 10 << 20;
  const std::string eleven(11 << 20, 'x');
  CHECK(verdict(archive({{"a", eleven}}), inspection) ==
        "input_too_large The document unpacks to more than 10 MiB (archive_size)");
  inspection.limits.archive_size = 0;
  CHECK(verdict(archive({{"a", eleven}}), inspection).empty());
  CHECK(verdict(archive({{"a", std::string(65 << 20, 'x')}}), inspection) ==
        "input_too_large The document unpacks to more than 100 times its size (archive_ratio)");
  inspection.limits.archive_ratio = 0;
  CHECK(verdict(archive({{"a", std::string(65 << 20, 'x')}}), inspection).empty());
}

TEST_CASE("XML within a document may declare nothing that loads or grows") {
  const std::string laughs = "<?xml version=\"1.0\"?><!DOCTYPE a [<!ENTITY x \"ha\"><!ENTITY y \"&x;&x;\">]><a>&y;</a>";
  CHECK(starts(verdict(archive({{"content.xml", laughs}})), "input_invalid The document declares entities"));
  CHECK(starts(verdict(archive({{"any/name.bin", laughs}})), "input_invalid The document declares entities"));
  const std::string harmless = "<!DOCTYPE manifest PUBLIC \"-//OpenOffice.org//DTD\" \"Manifest.dtd\"><a/>";
  CHECK(verdict(archive({{"META-INF/manifest.xml", harmless}})).empty());
  CHECK(starts(verdict(archive({{"word/document.xml", harmless}}), of("docx")),
               "input_invalid The document has a document type declaration"));
}

TEST_CASE("a picture within a document is held to the limit of pixels") {
  auto inspection = of("docx");
  inspection.limits.input_pixels = 999;
  const std::string png = "\x89PNG\r\n\x1A\n\0\0\0\rIHDR"s + big_endian(10, 4) + big_endian(100, 4);
  CHECK(starts(verdict(archive({{"word/media/1.png", png}}), inspection), "input_too_large A picture in the document"));
  inspection.limits.input_pixels = 1000;
  CHECK(verdict(archive({{"word/media/1.png", png}}), inspection).empty());
}

TEST_CASE("an encrypted OpenDocument file says so in its manifest") {
  auto inspection = of("odt");
  const std::string locked = archive({{"META-INF/manifest.xml", "<m><encryption-data/></m>"}, {"content.xml", "\1\2"}});
  CHECK(starts(verdict(locked, inspection), "input_encrypted "));
  inspection.has_password = true;
  CHECK(verdict(locked, inspection).empty());
}

TEST_CASE("what may stand before the first element") {
  const auto danger = [](const std::string& text, Doctype doctype = Doctype::harmless_allowed) {
    return danger_in_prolog(text, doctype).has_value();
  };
  for (const std::string text :
       {"", "no XML at all", "<a/>", "<?xml version='1.0'?><!-- x --><a/>", "<!DOCTYPE html><a/>",
        "<!DOCTYPE svg PUBLIC \"-//W3C//DTD SVG 1.1//EN\" \"http://www.w3.org/svg11.dtd\"><svg/>",
        "<!DOCTYPE svg [<!ENTITY ns 'http://ns.adobe.com/'> <!ATTLIST svg a CDATA #IMPLIED>]><svg/>",
        "<!DOCTYPE a [<!ENTITY x 'a&#66;c'><!-- <!ENTITY y SYSTEM 'z'> -->]><a/>", "<a><!DOCTYPE b [<!ENTITY"}) {
    INFO(text);
    CHECK_FALSE(danger(text));
  }
  for (const std::string text :
       {"<!DOCTYPE a [<!ENTITY x SYSTEM 'file:///etc/passwd'>]><a/>", "<!DOCTYPE a [<!ENTITY x PUBLIC 'y' 'z'>]>",
        "<!DOCTYPE a [<!ENTITY % x 'y'>]><a/>", "<!DOCTYPE a [ %x; ]><a/>", "<!DOCTYPE a [<!ENTITY x '&y;'>]><a/>",
        "<!DOCTYPE a [<!ENTITY x '%y;'>]><a/>", "<!DOCTYPE a SYSTEM 'b' [<!ENTITY x SYSTEM 'y'>]><a/>",
        "\xEF\xBB\xBF<?xml version='1.0'?>\n<!-- ] > --><!DOCTYPE a [<!ENTITY x SYSTEM 'y'>]>",
        "<!DOCTYPE a ['>' <!ENTITY x SYSTEM 'y'>]>", "<!DOCTYPE a [<!ENTITY x 'y'", "<!DOCTYPE a [",
        "<!DOCTYPE a 'b"}) {
    INFO(text);
    CHECK(danger(text));
  }
  CHECK(danger("<!DOCTYPE a [<!ENTITY x '" + std::string(2000, 'y') + "'>]><a/>"));
  std::string wide = "\xFF\xFE"s;
  for (const char c : "<!DOCTYPE a [<!ENTITY x SYSTEM 'y'>]>"s) wide += {c, '\0'};
  CHECK(danger(wide));
  CHECK(danger("<!-- " + std::string(prolog_bytes, ' ') + " --><!DOCTYPE a [<!ENTITY x SYSTEM 'y'>]>"));
  CHECK(danger("<!DOCTYPE a><a/>", Doctype::refused));
}

TEST_CASE("pixels by the header") {
  const auto bmp = [](std::int32_t height) {
    return "BM" + std::string(12, '\0') + little_endian(40, 4) + little_endian(30, 4) +
           little_endian(static_cast<std::uint32_t>(height), 4) + std::string(28, '\0');
  };
  CHECK(pixels_of("\x89PNG\r\n\x1A\n\0\0\0\rIHDR"s + big_endian(60'000, 4) + big_endian(50'000, 4)) == 3'000'000'000);
  CHECK(pixels_of(bmp(20)) == 600);
  CHECK(pixels_of(bmp(-20)) == 600);
  CHECK(pixels_of("\xFF\xD8\xFF\xE0\0\x04\0\0\xFF\xC2\0\x11\x08"s + big_endian(20, 2) + big_endian(30, 2) + "\x03"s) ==
        600);
  const std::string frame =
      ","s + std::string(4, '\0') + little_endian(30, 2) + little_endian(20, 2) + "\0\x02\x01x\0"s;
  const std::string gif = "GIF89a" + little_endian(30, 2) + little_endian(20, 2) + std::string(3, '\0');
  CHECK(pixels_of(gif + frame + ";") == 600);
  CHECK(pixels_of(gif + frame + "!\xF9\x01x\0"s + frame + frame + ";") == 1800);
  const auto ifd = [](std::uint64_t next) {
    return little_endian(2, 2) + little_endian(256, 2) + little_endian(3, 2) + little_endian(1, 4) +
           little_endian(30, 2) + "\0\0"s + little_endian(257, 2) + little_endian(4, 2) + little_endian(1, 4) +
           little_endian(20, 4) + little_endian(next, 4);
  };
  CHECK(pixels_of("II*\0"s + little_endian(8, 4) + ifd(0)) == 600);
  CHECK(pixels_of("II*\0"s + little_endian(8, 4) + ifd(8)) == 600);  // a page that follows itself
  CHECK(pixels_of("RIFF\0\0\0\0WEBPVP8X\x0A\0\0\0\0\0\0\0"s + little_endian(29, 3) + little_endian(19, 3)) == 600);
  CHECK(pixels_of("\0\0\0\x18"s + "ftypheic\0\0\0\0mif1heic" + "\0\0\0\x14ispe\0\0\0\0"s + big_endian(30, 4) +
                  big_endian(20, 4)) == 600);
  CHECK(pixels_of("\x89PNG\r\n\x1A\n\0\0\0\rIHDR\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF"s) == INT64_MAX);
}

TEST_CASE("what is cut off anywhere is looked at without a word beyond its end") {
  std::vector<std::string> whole{"GIF89a" + std::string(7, '\x80') + std::string(800, ','),
                                 "\xFF\xD8\xFF\xE0\0\x04\0\0\xFF\xC2\0\x11\x08\0\1\0\1"s,
                                 "II*\0\x08\0\0\0\xFF\xFF"s + std::string(200, '\1'),
                                 "MM\0+\0\x08\0\0\0\0\0\0\0\0\0\x10"s + std::string(90, '\1'),
                                 "RIFF\0\0\0\0WEBPVP8L\xFF\xFF\xFF\xFF/"s + std::string(40, '\xFF'),
                                 "BM" + std::string(60, '\xFF'),
                                 "\0\0\0\x18"s + "ftypheic" + std::string(20, 'i') + "ispe",
                                 archive({{"a", "<!DOCTYPE a [<!ENTITY x 'y'>]>"}})};
  for (const std::string& bytes : whole) {
    for (std::size_t size = 0; size <= bytes.size(); ++size) {
      // A buffer of its own, so that a sanitizer sees the end.
      const std::vector<char> cut(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(size));
      const std::string_view view(cut.data(), cut.size());
      (void)pixels_of(view);
      (void)check_archive(view, of("odt"));
      (void)danger_in_prolog(view, Doctype::harmless_allowed);
    }
  }
}

TEST_CASE("an inspection crosses as one word, and its refusal as one line") {
  Inspection inspection = of("docx");
  inspection.claim.begins = "\x00\xFFx"s;
  inspection.claim.magic = Magic::given;
  inspection.has_password = true;
  inspection.limits.input_pixels = 1;
  inspection.limits.archive_ratio = 5;
  const auto read = decode(encode(inspection));
  REQUIRE(read);
  CHECK(read->claim.format == "docx");
  CHECK(read->claim.magic == Magic::given);
  CHECK(read->claim.begins == inspection.claim.begins);
  CHECK(read->has_password);
  CHECK(read->limits.input_pixels == 1);
  CHECK(read->limits.archive_ratio == 5);
  CHECK_FALSE(decode("{}"));
  CHECK_FALSE(decode("no JSON"));

  const auto line = refusal_line({ErrorCode::input_too_large, "The picture: too large", {}});
  CHECK(said(refusal_in("something before\n" + line)) == "input_too_large The picture: too large");
  CHECK_FALSE(refusal_in(line + "something behind\n"));
  CHECK_FALSE(refusal_in("convd-inspect: nonsense: x\n"));
  CHECK_FALSE(refusal_in(""));
}

TEST_CASE("a document is looked at where it lies") {
  const tests::TempDirectory directory;
  const std::string path = directory / "source.docx";
  const auto look = [&](const std::string& content, bool has_password = false) {
    std::ofstream(path, std::ios::binary) << content;
    Inspection inspection = of("docx");
    inspection.has_password = has_password;
    return said(inspect(inspection, path));
  };
  CHECK(look("") == "input_invalid The document is empty");
  CHECK(look("%PDF-1.7") == "input_invalid The document is not of the format docx, it looks like a PDF document");
  CHECK(look(archive({{"[Content_Types].xml", "<a/>"}})).empty());
  const std::string ole = "\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1"s + std::string(100, '\0');
  CHECK(starts(look(ole), "input_encrypted "));
  CHECK(look(ole, true).empty());
  CHECK(starts(said(inspect(of("docx"), directory / "nothing")), "internal "));
  CHECK(starts(said(inspect(of("docx"), directory.path())), "internal "));
}

TEST_CASE("pictures and drawings are held to the rules of their kind") {
  const tests::TempDirectory directory;
  const std::string path = directory / "source";
  const auto look = [&](const char* format, Magic magic, const std::string& content) {
    std::ofstream(path, std::ios::binary) << content;
    Inspection inspection;
    inspection.claim = {format, magic, "", "a document", ""};
    inspection.limits.input_pixels = 999;
    return said(inspect(inspection, path));
  };
  const auto png = [](std::uint64_t width, std::uint64_t height) {
    return "\x89PNG\r\n\x1A\n\0\0\0\rIHDR"s + big_endian(width, 4) + big_endian(height, 4);
  };
  CHECK(look("png", Magic::png, png(9, 111)).empty());
  CHECK(look("png", Magic::png, png(10, 100)) ==
        "input_too_large The picture has 1000 pixels, more than 999 (input_pixels)");
  CHECK(look("svg", Magic::xml, "<!DOCTYPE svg [<!ENTITY a 'b'>]><svg/>").empty());
  CHECK(starts(look("svg", Magic::xml, "<!DOCTYPE svg [<!ENTITY a SYSTEM 'b'>]><svg/>"),
               "input_invalid The document declares entities"));
}
