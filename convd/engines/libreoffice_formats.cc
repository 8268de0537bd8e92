#include "convd/engines/libreoffice_formats.h"

#include <algorithm>
#include <array>
#include <utility>

namespace convd::engines {
namespace {

using enum OfficeFamily;
using enum OfficeLock;

// clang-format off
// Templates and files with macros have no rows of their own: the filter of their format reads them.
constexpr std::array<OfficeFormat, 26> rows{{
    {"docx", writer, "MS Word 2007 XML", "MS Word 2007 XML", sets},
    {"doc", writer, "MS Word 97", "MS Word 97", sets},
    {"odt", writer, "writer8", "writer8", sets},
    {"fodt", writer, "OpenDocument Text Flat XML", "OpenDocument Text Flat XML", none},
    {"rtf", writer, "Rich Text Format", "Rich Text Format", none},
    {"wpd", writer, "WordPerfect", "", opens},
    {"txt", writer, "Text (encoded)", "Text (encoded)", none},
    {"html", writer, "HTML (StarWriter)", "HTML (StarWriter)", none},
    {"xlsx", calc, "Calc MS Excel 2007 XML", "Calc MS Excel 2007 XML", sets},
    {"xlsb", calc, "Calc MS Excel 2007 Binary", "", opens},
    {"xls", calc, "MS Excel 97", "MS Excel 97", sets},
    {"ods", calc, "calc8", "calc8", sets},
    {"fods", calc, "OpenDocument Spreadsheet Flat XML", "OpenDocument Spreadsheet Flat XML", none},
    {"csv", calc, "Text - txt - csv (StarCalc)", "Text - txt - csv (StarCalc)", none},
    {"tsv", calc, "Text - txt - csv (StarCalc)", "Text - txt - csv (StarCalc)", none},
    {"pptx", impress, "Impress MS PowerPoint 2007 XML", "Impress MS PowerPoint 2007 XML", sets},
    {"ppt", impress, "MS PowerPoint 97", "MS PowerPoint 97", opens},
    {"odp", impress, "impress8", "impress8", sets},
    {"fodp", impress, "OpenDocument Presentation Flat XML", "OpenDocument Presentation Flat XML", none},
    {"odg", draw, "draw8", "draw8", sets},
    {"fodg", draw, "OpenDocument Drawing Flat XML", "OpenDocument Drawing Flat XML", none},
    {"vsd", draw, "Visio Document", "", none},
    {"vsdx", draw, "Visio Document", "", none},
    {"pub", draw, "Publisher Document", "", none},
    {"svg", draw, "", "draw_svg_Export", none},
    {"png", picture, "", "", none},
}};
// clang-format on

bool is_read(const OfficeFormat& row) {
  return !row.reader.empty() || row.family == picture;
}

bool offered(const OfficeFormat& from, const OfficeFormat& to) {
  if (!is_read(from) || to.writer.empty() || from.format == to.format) return false;
  return from.family == to.family || (from.family == calc && to.format == "html");
}

int quality(const OfficeFormat& from, const OfficeFormat& to) {
  if (to.format == "html") return from.family == calc ? 85 : 70;
  if (to.format == "txt") return 80;
  return from.format == "html" ? 70 : 95;
}

int pdf_quality(const OfficeFormat& from) {
  if (from.format == "html") return 75;
  return from.family == picture ? 80 : 95;
}

template <typename Fits>
std::vector<std::string> names(Fits fits) {
  std::vector<std::string> list;
  for (const OfficeFormat& row : rows) {
    if (fits(row)) list.emplace_back(row.format);
  }
  return list;
}

}  // namespace

const OfficeFormat& office_format(std::string_view format) {
  return *std::find_if(rows.begin(), rows.end(), [&](const OfficeFormat& row) { return row.format == format; });
}

std::vector<Edge> office_edges() {
  constexpr int cost_ms = 1200;
  constexpr int html_cost_ms = 1500;
  std::vector<Edge> edges;
  for (const OfficeFormat& from : rows) {
    if (!is_read(from)) continue;
    edges.push_back(
        {std::string(from.format), "pdf", from.format == "html" ? html_cost_ms : cost_ms, pdf_quality(from)});
    for (const OfficeFormat& to : rows) {
      if (offered(from, to))
        edges.push_back({std::string(from.format), std::string(to.format), cost_ms, quality(from, to)});
    }
  }
  return edges;
}

std::string_view pdf_filter(OfficeFamily family) {
  constexpr std::array<std::string_view, 5> filters{"writer_pdf_Export", "calc_pdf_Export", "impress_pdf_Export",
                                                    "draw_pdf_Export", "draw_pdf_Export"};
  return filters[static_cast<std::size_t>(family)];
}

std::vector<std::string> sources_of(std::initializer_list<OfficeFamily> families) {
  return names([&](const OfficeFormat& row) {
    return is_read(row) && std::find(families.begin(), families.end(), row.family) != families.end();
  });
}

std::vector<std::string> lockable_sources() {
  return names([](const OfficeFormat& row) { return row.lock != OfficeLock::none; });
}

std::vector<std::string> lockable_targets() {
  auto targets = names([](const OfficeFormat& row) { return row.lock == sets; });
  targets.emplace_back("pdf");
  return targets;
}

}  // namespace convd::engines
