#pragma once
// One document for the warm LibreOffice, in LibreOffice's own words: which filters, with which data. Whoever describes
// it (convd/engines) knows filters and options, whoever carries it out (convd-office) knows UNO. Plain data.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace convd::process {

enum class ValueKind : std::uint8_t { flag, number, text };

// One entry of an export filter's FilterData. `value` is "true" or "false", a decimal number, or text.
struct FilterValue {
  std::string name;  // "PageRange"
  ValueKind kind = ValueKind::text;
  std::string value;
};

// How changes that were tracked in a text document are shown.
enum class TrackedChanges : std::uint8_t { as_saved, shown, hidden };

struct OfficeJob {
  std::string input;           // name in /in
  std::string inspection;      // as ChildSpec::inspection; empty: it is not looked at
  std::string output;          // name in /out
  std::string import_filter;   // "MS Word 2007 XML"; empty: LibreOffice looks for itself
  std::string import_options;  // FilterOptions of the import ("44,34,76,1" for csv)
  std::string password;        // to open; empty: none
  std::string export_filter;   // "writer_pdf_Export"
  std::string export_options;  // FilterOptions of the export
  std::vector<FilterValue> export_data;
  std::string output_password;  // for the result, when it is not a PDF (those have it in export_data); empty: none
  std::string locale;           // BCP 47, "de-DE"; decides paper and number formats where a document does not
  bool is_spreadsheet = false;
  bool landscape = false;
  std::vector<std::string> sheets;  // names or numbers from 1; the others are left out. Empty: all
  TrackedChanges changes = TrackedChanges::as_saved;
  bool update_indexes = false;  // tables of contents and fields, before the export
  bool early_page = false;      // write early_page_name as soon as the first page is laid out
  int processes = 1;            // the most that may export page ranges of this document side by side
};

inline constexpr std::string_view early_page_name = "early-page.png";

}  // namespace convd::process
