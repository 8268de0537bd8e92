#include "convd/engines/libreoffice_options.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <optional>

#include "convd/engines/libreoffice_formats.h"
#include "shared/json.h"
#include "shared/utf8.h"

namespace convd::engines {
namespace {

using process::FilterValue;
using process::OfficeJob;
using process::ValueKind;
using shared::Error;
using shared::ErrorCode;
using shared::Result;
using enum OfficeFamily;
using Names = std::vector<std::string>;

std::string value(const Task& task, const std::string& name) {
  const auto found = task.options.find(name);
  return found == task.options.end() ? std::string() : found->second;
}

bool is_on(const Task& task, const std::string& name) {
  return value(task, name) == "true";
}

bool is_table_text(const std::string& format) {
  return format == "csv" || format == "tsv";
}

// ---- what the options become in the FilterData of a PDF export

struct Direct {
  std::string_view option;
  std::string_view name;
  ValueKind kind;
};

constexpr std::array<Direct, 8> direct{{
    {"pages", "PageRange", ValueKind::text},
    {"pdf_ua", "PDFUACompliance", ValueKind::flag},
    {"lossless", "UseLosslessCompression", ValueKind::flag},
    {"quality", "Quality", ValueKind::number},
    {"bookmarks", "ExportBookmarks", ValueKind::flag},
    {"form_fields", "ExportFormFields", ValueKind::flag},
    {"hidden_slides", "ExportHiddenSlides", ValueKind::flag},
    {"single_page_sheets", "SinglePageSheets", ValueKind::flag},
}};

struct Choice {
  std::string_view option;
  std::string_view value;
  std::string_view name;
  ValueKind kind;
  std::string_view data;
};

constexpr std::array<Choice, 8> choices{{
    {"pdf_version", "1.5", "SelectPdfVersion", ValueKind::number, "15"},
    {"pdf_version", "1.6", "SelectPdfVersion", ValueKind::number, "16"},
    {"pdfa", "1b", "SelectPdfVersion", ValueKind::number, "1"},
    {"pdfa", "2b", "SelectPdfVersion", ValueKind::number, "2"},
    {"pdfa", "3b", "SelectPdfVersion", ValueKind::number, "3"},
    {"notes", "comments", "ExportNotes", ValueKind::flag, "true"},
    {"notes", "margin", "ExportNotesInMargin", ValueKind::flag, "true"},
    {"notes", "pages", "ExportNotesPages", ValueKind::flag, "true"},
}};

constexpr std::size_t small_table_bytes = 4'096;  // the whole file is in Task::head
constexpr std::string_view open_password = "DocumentOpenPassword";

std::vector<FilterValue> pdf_data(const Task& task) {
  std::vector<FilterValue> data;
  for (const Direct& row : direct) {
    if (const auto given = value(task, std::string(row.option)); !given.empty())
      data.push_back({std::string(row.name), row.kind, given});
  }
  for (const Choice& row : choices) {
    if (value(task, std::string(row.option)) == row.value)
      data.push_back({std::string(row.name), row.kind, std::string(row.data)});
  }
  if (const auto dpi = value(task, "image_resolution"); !dpi.empty()) {
    data.push_back({"ReduceImageResolution", ValueKind::flag, "true"});
    data.push_back({"MaxImageResolution", ValueKind::number, dpi});
  }
  if (const auto password = value(task, "output_password"); !password.empty()) {
    data.push_back({"EncryptFile", ValueKind::flag, "true"});
    data.push_back({std::string(open_password), ValueKind::text, password});
  }
  // A small table is kept on one page, as wide as it needs; a long one is left to the page breaks.
  const bool is_small = is_table_text(task.from) && task.head.size() < small_table_bytes;
  if (is_small && value(task, "pages").empty() && value(task, "single_page_sheets").empty())
    data.push_back({"SinglePageSheets", ValueKind::flag, "true"});
  return data;
}

// ---- filters

// Calc's numbers of the encodings: 76 is UTF-8, 65535 UTF-16, 1 Windows-1252.
std::string table_encoding(std::string_view head) {
  const std::string_view mark = head.substr(0, 2);
  if (mark == "\xFF\xFE" || mark == "\xFE\xFF") return "65535";
  // The head may end in the middle of a character.
  for (std::size_t cut = 0; cut < 4 && cut <= head.size(); ++cut) {
    if (shared::is_utf8(head.substr(0, head.size() - cut))) return "76";
  }
  return "1";
}

// Quotes are double; comma, semicolon and tab separate a csv.
std::string import_options(const Task& task) {
  if (task.from == "txt") return "UTF8,LF,,,";
  if (task.from == "csv") return "44/59/9,34," + table_encoding(task.head);
  if (task.from == "tsv") return "9,34," + table_encoding(task.head);
  return {};
}

Names chosen_sheets(const Task& task) {
  const std::string text = value(task, "sheets");
  if (text.empty() || text == "all") return {};
  if (text == "first") return is_table_text(task.to) ? Names{} : Names{"1"};
  Names sheets;
  for (std::size_t at = 0; at <= text.size();) {
    const auto comma = std::min(text.find(',', at), text.size());
    std::string name = text.substr(at, comma - at);
    name.erase(0, std::min(name.find_first_not_of(' '), name.size()));
    name.erase(name.find_last_not_of(' ') + 1);
    sheets.push_back(std::move(name));
    at = comma + 1;
  }
  return sheets;
}

bool writes_many(const Task& task) {
  return is_table_text(task.to) && (value(task, "sheets") == "all" || chosen_sheets(task).size() > 1);
}

// UTF-8, text as shown; the last number is the sheet: 0 the first of what is left, -1 each in a file of its own.
std::string export_options(const Task& task) {
  if (task.to == "txt") return "UTF8";
  if (task.to == "html" && office_format(task.from).family == writer) return "EmbedImages";
  if (!is_table_text(task.to)) return {};
  return std::string(task.to == "csv" ? "44" : "9") + ",34,76,1,,0,false,true,false,false,false," +
         (writes_many(task) ? "-1" : "0");
}

std::string export_filter(const Task& task) {
  const OfficeFamily family = office_format(task.from).family;
  if (task.to == "pdf") return std::string(pdf_filter(family));
  if (task.to == "html" && family == calc) return "HTML (StarCalc)";
  return std::string(office_format(task.to).writer);
}

// ---- what can be wrong

Error refused(const std::string& option, const std::string& why) {
  return {ErrorCode::invalid_option, "options." + option + ": " + why, {}};
}

// BCP 47 in its common form: a language, then script, region and variants.
bool is_language_tag(const std::string& text) {
  std::size_t size = 0;
  bool first = true;
  const auto part_fits = [&] { return size >= 2 && size <= (first ? 3U : 8U); };
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '-') {
      if (!part_fits()) return false;
      first = false;
      size = 0;
    } else if (std::isalnum(byte) == 0 || (first && std::isalpha(byte) == 0)) {
      return false;
    } else {
      ++size;
    }
  }
  return part_fits();
}

Result<void> check_sheets(const Task& task) {
  for (const std::string& sheet : chosen_sheets(task)) {
    if (sheet.empty()) return refused("sheets", "expected first, all, or names and numbers with commas between them");
    const bool is_number = sheet.find_first_not_of("0123456789") == std::string::npos;
    if (is_number && sheet.find_first_not_of('0') == std::string::npos)
      return refused("sheets", "sheets count from 1, got \"" + sheet + "\"");
  }
  return {};
}

struct Conflict {
  std::string_view option;
  std::string_view value;  // empty: any
  std::string_view other;
  std::string_view other_value;
  std::string_view why;
};

constexpr std::array<Conflict, 4> conflicts{{
    {"pdfa", "", "output_password", "", "PDF/A allows no password; leave out one of pdfa and output_password"},
    {"pdfa", "", "pdf_version", "", "PDF/A decides the version; leave out one of pdfa and pdf_version"},
    {"quality", "", "lossless", "true", "lossless images have no JPEG quality; leave out one of quality and lossless"},
    {"pdf_ua", "true", "bookmarks", "false", "PDF/UA needs the bookmarks; leave out one of pdf_ua and bookmarks"},
}};

bool is_given(const Task& task, std::string_view option, std::string_view wanted) {
  const std::string given = value(task, std::string(option));
  return wanted.empty() ? !given.empty() : given == wanted;
}

}  // namespace

std::vector<OptionSpec> office_options() {
  using enum OptionType;
  const Names pdf{"pdf"};
  const Names pages{"pdf", "png", "jpg", "tiff", "webp", "svg"};  // laid out; the pictures are made from a PDF
  const Names texts = sources_of({writer});
  const Names sheets = sources_of({calc});
  const Names slides = sources_of({impress});
  const Names drawings = sources_of({draw});
  const Names changeable{"docx", "doc", "odt", "fodt", "rtf"};
  const Names laid_out = sources_of({writer, calc});
  return {
      {"pages", page_range, 0, 0, {}, "", "pages to convert, such as 3, 2-5 or 4-", pdf},
      {"pdf_version", choice, 0, 0, {"1.5", "1.6"}, "1.6", "version of the PDF", pdf},
      {"pdfa", choice, 0, 0, {"1b", "2b", "3b"}, "", "PDF/A for archives, of this part and level", pdf},
      {"pdf_ua", flag, 0, 0, {}, "false", "PDF/UA: tagged for people who hear it", pdf},
      {"quality", integer, 1, 100, {}, "90", "JPEG quality of images", pdf},
      {"lossless", flag, 0, 0, {}, "false", "images without loss instead of JPEG", pdf},
      {"image_resolution", integer, 36, 2400, {}, "300", "images are brought down to so many dots per inch", pdf},
      {"bookmarks", flag, 0, 0, {}, "true", "bookmarks from the headings", pdf},
      {"form_fields", flag, 0, 0, {}, "true", "form fields that can be filled in", pdf},
      {"notes",
       choice,
       0,
       0,
       {"none", "comments", "margin"},
       "none",
       "comments as PDF notes, or in the margin",
       pdf,
       texts},
      {"notes",
       choice,
       0,
       0,
       {"none", "comments", "pages"},
       "none",
       "comments as PDF notes, or pages of notes",
       pdf,
       slides},
      {"notes", choice, 0, 0, {"none", "comments"}, "none", "comments as PDF notes", pdf, sheets},
      {"hidden_slides", flag, 0, 0, {}, "false", "hidden slides too", pdf, slides},
      {"single_page_sheets", flag, 0, 0, {}, "false", "each sheet on one page, as large as it needs", pdf, sheets},
      {"sheets",
       text,
       1,
       1000,
       {},
       "first",
       "first, all (a file for each), or names and numbers: 2,Totals",
       {"csv", "tsv"},
       sheets},
      {"sheets", text, 1, 1000, {}, "all", "first, all, or names and numbers: 2,Totals", {}, sheets},
      {"landscape", flag, 0, 0, {}, "false", "all pages across", pages, laid_out},
      {"tracked_changes",
       choice,
       0,
       0,
       {"show", "hide"},
       "",
       "changes that were tracked; default: as saved",
       {},
       changeable},
      {"update_indexes", flag, 0, 0, {}, "false", "bring tables of contents and fields up to date", {}, texts},
      {"locale", text, 2, 35, {}, "", "language tag such as de-DE: paper and number formats", {}},
      {"password", text, 1, 127, {}, "", "password that opens the document", {}, lockable_sources()},
      {"output_password", text, 1, 127, {}, "", "password the result gets", lockable_targets()},
      {"early_page", flag, 0, 0, {}, "false", "a picture of the first page while the rest is converted", pages},
  };
}

Result<void> check_office_options(const Task& task) {
  for (const Conflict& row : conflicts) {
    if (is_given(task, row.option, row.value) && is_given(task, row.other, row.other_value))
      return refused(std::string(row.option), std::string(row.why));
  }
  const std::string locale = value(task, "locale");
  if (!locale.empty() && !is_language_tag(locale))
    return refused("locale", "expected a language tag such as de-DE, got \"" + locale + "\"");
  return check_sheets(task);
}

OfficeJob office_job(const Task& task) {
  OfficeJob job;
  job.input = task.input.substr(task.input.rfind('/') + 1);
  job.output = task.stem + "." + task.to;
  job.import_filter = office_format(task.from).reader;
  job.import_options = import_options(task);
  job.password = value(task, "password");
  job.export_filter = export_filter(task);
  job.export_options = export_options(task);
  if (task.to == "pdf") {
    job.export_data = pdf_data(task);
  } else {
    job.output_password = value(task, "output_password");
  }
  job.locale = value(task, "locale");
  job.is_spreadsheet = office_format(task.from).family == calc;
  job.landscape = is_on(task, "landscape");
  job.sheets = chosen_sheets(task);
  const std::string changes = value(task, "tracked_changes");
  if (changes == "show") job.changes = process::TrackedChanges::shown;
  if (changes == "hide") job.changes = process::TrackedChanges::hidden;
  job.update_indexes = is_on(task, "update_indexes");
  job.early_page = is_on(task, "early_page");
  return job;
}

std::vector<std::string> warm_only_options(const Task& task) {
  Names names;
  for (const char* option : {"password", "output_password", "locale", "tracked_changes"}) {
    if (!value(task, option).empty()) names.emplace_back(option);
  }
  for (const char* option : {"landscape", "update_indexes", "early_page"}) {
    if (is_on(task, option)) names.emplace_back(option);
  }
  if (!chosen_sheets(task).empty()) names.emplace_back("sheets");
  return names;
}

std::string infilter(const OfficeJob& job) {
  return job.import_options.empty() ? job.import_filter : job.import_filter + ":" + job.import_options;
}

std::string convert_to(const OfficeJob& job, const std::string& to) {
  constexpr std::array<std::string_view, 3> types{"boolean", "long", "string"};
  std::string text = to + ":" + job.export_filter;
  if (!job.export_options.empty()) text += ":" + job.export_options;
  shared::Json data = shared::Json::object();
  for (const FilterValue& entry : job.export_data) {
    if (entry.name == open_password) continue;
    shared::Json typed = shared::Json::object();
    typed.set("type", types[static_cast<std::size_t>(entry.kind)]).set("value", entry.value);
    data.set(entry.name, std::move(typed));
  }
  const std::string json = data.dump();
  return json == "{}" ? text : text + ":" + json;
}

std::string office_outputs(const Task& task) {
  return writes_many(task) ? task.stem + "-*." + task.to : task.stem + "." + task.to;
}

}  // namespace convd::engines
