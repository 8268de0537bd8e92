#include "convd/engines/formats.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <utility>

namespace convd::engines {
namespace {

struct Alias {
  std::string_view alias;
  std::string_view name;
};

constexpr std::array<Alias, 8> aliases{{{"latex", "tex"},
                                        {"markdown", "md"},
                                        {"text", "txt"},
                                        {"plain", "txt"},
                                        {"xhtml", "html"},
                                        {"notebook", "ipynb"},
                                        {"quicktime", "mov"},
                                        {"matroska", "mkv"}}};

std::string lower(std::string_view text) {
  std::string result(text);
  for (char& c : result) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return result;
}

bool lists(std::string_view words, std::string_view word) {
  while (!words.empty()) {
    const auto end = std::min(words.find(' '), words.size());
    if (words.substr(0, end) == word) return true;
    words.remove_prefix(std::min(end + 1, words.size()));
  }
  return false;
}

// Without the dot; empty when there is none.
std::string_view extension_of(std::string_view filename) {
  const auto dot = filename.rfind('.');
  return dot == std::string_view::npos ? std::string_view() : filename.substr(dot + 1);
}

const Format* of_extension(std::string_view extension) {
  for (const Format& format : formats()) {
    if (lists(format.extensions, extension)) return &format;
  }
  return nullptr;
}

}  // namespace

const std::vector<Format>& formats() {
  static const std::vector<Format> table{
      {"docx", "application/vnd.openxmlformats-officedocument.wordprocessingml.document", Magic::zip,
       "docx docm dotx dotm", "Word document"},
      {"doc", "application/msword", Magic::ole, "doc dot", "Word 97-2003 document"},
      {"odt", "application/vnd.oasis.opendocument.text", Magic::zip, "odt ott", "OpenDocument text"},
      {"fodt", "application/vnd.oasis.opendocument.text-flat-xml", Magic::xml, "fodt", "flat OpenDocument text"},
      {"wpd", "application/vnd.wordperfect", Magic::wordperfect, "wpd", "WordPerfect document"},
      {"rtf", "application/rtf", Magic::rtf, "rtf", "rich text"},
      {"txt", "text/plain", Magic::none, "txt text", "plain text"},
      {"html", "text/html", Magic::none, "html htm xhtml", "HTML page"},
      {"md", "text/markdown", Magic::none, "md markdown mkd", "Markdown"},
      {"rst", "text/x-rst", Magic::none, "rst rest", "reStructuredText"},
      {"tex", "application/x-tex", Magic::none, "tex latex ltx", "LaTeX source"},
      {"epub", "application/epub+zip", Magic::zip, "epub", "EPUB book"},
      {"ipynb", "application/x-ipynb+json", Magic::none, "ipynb", "Jupyter notebook"},
      {"org", "text/org", Magic::none, "org", "Org mode text"},
      {"csv", "text/csv", Magic::none, "csv", "comma-separated values"},
      {"tsv", "text/tab-separated-values", Magic::none, "tsv tab", "tab-separated values"},
      {"xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", Magic::zip, "xlsx xlsm xltx xltm",
       "Excel workbook"},
      {"xlsb", "application/vnd.ms-excel.sheet.binary.macroenabled.12", Magic::zip, "xlsb", "binary Excel workbook"},
      {"xls", "application/vnd.ms-excel", Magic::ole, "xls xlt", "Excel 97-2003 workbook"},
      {"ods", "application/vnd.oasis.opendocument.spreadsheet", Magic::zip, "ods ots", "OpenDocument spreadsheet"},
      {"fods", "application/vnd.oasis.opendocument.spreadsheet-flat-xml", Magic::xml, "fods",
       "flat OpenDocument spreadsheet"},
      {"pptx", "application/vnd.openxmlformats-officedocument.presentationml.presentation", Magic::zip,
       "pptx pptm ppsx ppsm potx potm", "PowerPoint presentation"},
      {"ppt", "application/vnd.ms-powerpoint", Magic::ole, "ppt pps pot", "PowerPoint 97-2003 presentation"},
      {"odp", "application/vnd.oasis.opendocument.presentation", Magic::zip, "odp otp", "OpenDocument presentation"},
      {"fodp", "application/vnd.oasis.opendocument.presentation-flat-xml", Magic::xml, "fodp",
       "flat OpenDocument presentation"},
      {"odg", "application/vnd.oasis.opendocument.graphics", Magic::zip, "odg otg", "OpenDocument drawing"},
      {"fodg", "application/vnd.oasis.opendocument.graphics-flat-xml", Magic::xml, "fodg", "flat OpenDocument drawing"},
      {"vsd", "application/vnd.visio", Magic::ole, "vsd vst", "Visio 2003-2010 drawing"},
      {"vsdx", "application/vnd.ms-visio.drawing", Magic::zip, "vsdx vsdm vstx", "Visio drawing"},
      {"pub", "application/x-mspublisher", Magic::ole, "pub", "Publisher document"},
      {"pdf", "application/pdf", Magic::pdf, "pdf", "PDF document"},
      {"png", "image/png", Magic::png, "png", "PNG image"},
      {"jpg", "image/jpeg", Magic::jpeg, "jpg jpeg jpe jfif", "JPEG image"},
      {"webp", "image/webp", Magic::webp, "webp", "WebP image"},
      {"tiff", "image/tiff", Magic::tiff, "tiff tif", "TIFF image"},
      {"gif", "image/gif", Magic::gif, "gif", "GIF image"},
      {"bmp", "image/bmp", Magic::bmp, "bmp dib", "BMP image"},
      {"svg", "image/svg+xml", Magic::xml, "svg", "SVG drawing"},
      {"heic", "image/heic", Magic::heif, "heic heif", "HEIC image"},
      {"avif", "image/avif", Magic::heif, "avif", "AVIF image"},
      {"wav", "audio/wav", Magic::wav, "wav wave", "WAV sound"},
      {"mp3", "audio/mpeg", Magic::mp3, "mp3", "MP3 sound"},
      {"flac", "audio/flac", Magic::flac, "flac", "FLAC sound"},
      {"ogg", "audio/ogg", Magic::ogg, "ogg oga opus", "Ogg sound"},
      {"m4a", "audio/mp4", Magic::mp4, "m4a", "MPEG-4 sound"},
      {"mp4", "video/mp4", Magic::mp4, "mp4 m4v", "MPEG-4 video"},
      {"webm", "video/webm", Magic::matroska, "webm", "WebM video"},
      {"mov", "video/quicktime", Magic::mp4, "mov qt", "QuickTime video"},
      {"mkv", "video/x-matroska", Magic::matroska, "mkv", "Matroska video"},
      {"json", "application/json", Magic::none, "json", "layout boxes as JSON"},
  };
  return table;
}

const Format* find_format(std::string_view name) {
  const std::string wanted = lower(name);
  for (const Format& format : formats()) {
    if (format.name == wanted) return &format;
  }
  for (const Alias& row : aliases) {
    if (row.alias == wanted) return find_format(row.name);
  }
  return of_extension(wanted);
}

const Format* format_of_filename(std::string_view filename) {
  return of_extension(lower(extension_of(filename)));
}

inspect::Claim claim_of(const Format& format) {
  return {std::string(format.name), format.magic, std::string(format.media_type), std::string(format.title),
          std::string(format.begins)};
}

struct FormatTable::Added {
  explicit Added(FormatDeclaration declaration) : declared(std::move(declaration)) {
    for (const std::string& extension : declared.extensions) extensions += (extensions.empty() ? "" : " ") + extension;
    format = {declared.name, declared.media_type, Magic::given, extensions, declared.title, declared.begins};
  }
  Added(const Added&) = delete;
  Added& operator=(const Added&) = delete;

  const FormatDeclaration declared;
  std::string extensions;
  Format format;  // of views into the members above
};

std::optional<std::string> FormatTable::add(FormatDeclaration declaration) {
  if (find(declaration.name) != nullptr) return declaration.name;
  for (const std::string& extension : declaration.extensions) {
    if (find(extension) != nullptr) return extension;
  }
  added_.push_back(std::make_shared<const Added>(std::move(declaration)));
  return std::nullopt;
}

const Format* FormatTable::find(std::string_view name) const {
  const Format* known = find_format(name);
  return known != nullptr ? known : added(lower(name));
}

const Format* FormatTable::of_filename(std::string_view filename) const {
  const Format* known = format_of_filename(filename);
  return known != nullptr ? known : added(lower(extension_of(filename)));
}

const Format* FormatTable::added(std::string_view word) const {
  for (const auto& row : added_) {
    if (!word.empty() && (row->format.name == word || lists(row->format.extensions, word))) return &row->format;
  }
  return nullptr;
}

}  // namespace convd::engines
