// Office documents by a fresh soffice per document. It exits 0 even when it could not load the source: only its output
// counts.

#include <algorithm>
#include <array>

#include "convd/engines/builtin.h"
#include "convd/engines/diagnosis.h"
#include "convd/engines/formats.h"
#include "convd/engines/libreoffice_profile.h"
#include "convd/engines/limits.h"
#include "shared/utf8.h"

namespace convd::engines {
namespace {

using shared::ErrorCode;

constexpr auto program = "/usr/lib/libreoffice/program/soffice";

enum class Family : std::uint8_t { writer, calc, impress, draw };

// One filter name serves both directions, but for the text formats.
struct Row {
  std::string_view format;
  Family family;
  std::string_view reader;  // empty: not read here
  std::string_view writer;  // empty: not written here
};

constexpr std::array<Row, 15> rows{
    {{"docx", Family::writer, "MS Word 2007 XML", "MS Word 2007 XML"},
     {"doc", Family::writer, "MS Word 97", "MS Word 97"},
     {"odt", Family::writer, "writer8", "writer8"},
     {"fodt", Family::writer, "OpenDocument Text Flat XML", "OpenDocument Text Flat XML"},
     {"rtf", Family::writer, "Rich Text Format", "Rich Text Format"},
     {"txt", Family::writer, "Text (encoded):UTF8,LF,,,", "Text (encoded):UTF8"},
     {"html", Family::writer, "HTML (StarWriter)", "HTML (StarWriter):EmbedImages"},
     {"xlsx", Family::calc, "Calc MS Excel 2007 XML", "Calc MS Excel 2007 XML"},
     {"xls", Family::calc, "MS Excel 97", "MS Excel 97"},
     {"ods", Family::calc, "calc8", "calc8"},
     {"csv", Family::calc, "Text - txt - csv (StarCalc)", "Text - txt - csv (StarCalc)"},
     {"pptx", Family::impress, "Impress MS PowerPoint 2007 XML", "Impress MS PowerPoint 2007 XML"},
     {"ppt", Family::impress, "MS PowerPoint 97", "MS PowerPoint 97"},
     {"odp", Family::impress, "impress8", "impress8"},
     {"png", Family::draw, "", ""}}};

const Row& row_of(std::string_view format) {
  return *std::find_if(rows.begin(), rows.end(), [&](const Row& row) { return row.format == format; });
}

const std::vector<Clue>& clues() {
  static const std::vector<Clue> table{
      {"source file could not be loaded", ErrorCode::input_invalid,
       "the document cannot be opened; it is damaged, or not of the type its name says"},
      {"Unspecified Application Error", ErrorCode::engine_crashed, "the program crashed"},
      {"Fatal exception", ErrorCode::engine_crashed, "the program crashed"},
      {"Error: Please verify input parameters", ErrorCode::engine_failed, "the result could not be written"},
      {"Error Area:", ErrorCode::engine_failed, "the result could not be written"},
  };
  return table;
}

// Calc's numbers of the encodings: 76 is UTF-8, 65535 UTF-16, 1 Windows-1252.
std::string csv_encoding(std::string_view head) {
  const std::string_view mark = head.substr(0, 2);
  if (mark == "\xFF\xFE" || mark == "\xFE\xFF") return "65535";
  // The head may end in the middle of a character.
  for (std::size_t cut = 0; cut < 4 && cut <= head.size(); ++cut) {
    if (shared::is_utf8(head.substr(0, head.size() - cut))) return "76";
  }
  return "1";
}

std::string reader(const Task& task) {
  const std::string filter(row_of(task.from).reader);
  // Comma, semicolon and tab separate; quotes are double.
  return task.from == "csv" ? filter + ":44/59/9,34," + csv_encoding(task.head) : filter;
}

constexpr std::size_t small_table_bytes = 4'096;  // the whole file is in Task::head

std::string pdf_writer(const Task& task) {
  static constexpr std::array<std::string_view, 4> filters{"writer_pdf_Export", "calc_pdf_Export", "impress_pdf_Export",
                                                           "draw_pdf_Export"};
  std::string writer = "pdf:" + std::string(filters[static_cast<std::size_t>(row_of(task.from).family)]);
  const auto pages = task.options.find("pages");
  // A small table is kept on one page, as wide as it needs; a long one is left to the page breaks.
  if (task.from == "csv" && pages == task.options.end() && task.head.size() < small_table_bytes)
    writer += R"(:{"SinglePageSheets":{"type":"boolean","value":"true"}})";
  if (pages != task.options.end()) writer += R"(:{"PageRange":{"type":"string","value":")" + pages->second + R"("}})";
  return writer;
}

bool all_sheets(const Task& task) {
  const auto sheets = task.options.find("sheets");
  return sheets != task.options.end() && sheets->second == "all";
}

std::string writer(const Task& task) {
  if (task.to == "pdf") return pdf_writer(task);
  std::string writer = task.to + ":" + std::string(row_of(task.to).writer);
  if (task.to == "html" && row_of(task.from).family == Family::calc) return "html:HTML (StarCalc)";
  // UTF-8, text as shown, the last number is the sheet: 0 the first, -1 each in a file of its own.
  if (task.to == "csv")
    writer += ":44,34,76,1,,0,false,true,false,false,false," + std::string(all_sheets(task) ? "-1" : "0");
  return writer;
}

bool offered(const Row& from, const Row& to) {
  if (from.reader.empty() || to.writer.empty() || from.format == to.format) return false;
  if (from.family == to.family) return true;
  return from.family == Family::calc && to.format == "html";
}

int quality(const Row& from, const Row& to) {
  if (to.format == "html") return from.family == Family::calc ? 85 : 70;
  if (to.format == "txt") return 80;
  return from.format == "html" ? 70 : 95;
}

class LibreOffice final : public Engine {
 public:
  std::string name() const override { return "libreoffice"; }
  std::string title() const override { return "LibreOffice"; }
  std::string package() const override {
    return "libreoffice-writer-nogui libreoffice-calc-nogui libreoffice-impress-nogui libreoffice-draw-nogui";
  }
  std::vector<std::string> programs() const override { return {program}; }
  std::vector<std::string> read_only() const override {
    return {"/etc/libreoffice", "/var/lib/libreoffice", "/etc/fonts", "/var/cache/fontconfig"};
  }
  std::vector<std::string> version_command() const override { return {program, "--version"}; }
  std::string read_version(std::string_view printed) const override { return version_after(printed, "LibreOffice"); }

  std::vector<Edge> edges() const override {
    std::vector<Edge> edges;
    for (const Row& from : rows) {
      edges.push_back({std::string(from.format), "pdf", from.format == "html" ? 1500 : 1200, pdf_quality(from)});
      for (const Row& to : rows) {
        if (!offered(from, to)) continue;
        edges.push_back({std::string(from.format), std::string(to.format), 1200, quality(from, to)});
      }
    }
    return edges;
  }
  std::vector<OptionSpec> options() const override {
    return {{"pages", OptionType::page_range, 0, 0, {}, "", "pages to convert, such as 3, 2-5 or 4-", {"pdf"}},
            {"sheets",
             OptionType::choice,
             0,
             0,
             {"first", "all"},
             "first",
             "which sheets; all gives a file for each",
             {"csv"}}};
  }

  shared::Result<Command> command(const Task& task) const override {
    Command command;
    command.argv = {program,         "-env:UserInstallation=file:///tmp/profile",
                    "--headless",    "--nologo",
                    "--nolockcheck", "--norestore",
                    "--nodefault",   "--nofirststartwizard"};
    if (task.from != "png") command.argv.push_back("--infilter=" + reader(task));
    command.argv.insert(command.argv.end(), {"--convert-to", writer(task), "--outdir", "/out", task.input});
    command.env = libreoffice_environment();
    command.files = libreoffice_files();
    command.read_only = read_only();
    command.outputs = all_sheets(task) ? task.stem + "-*.csv" : task.stem + "." + task.to;
    command.limits = limits();
    return command;
  }
  std::optional<shared::Error> diagnose(const Task& task, const Ended& ended) const override {
    auto error = diagnose_run(title(), Trust::output, clues(), ended);
    if (!error || error->code != ErrorCode::input_invalid) return error;
    const Format* claimed = find_format(task.from);
    if (claimed != nullptr && !task.head.empty() && sniff(*claimed, task.head).verdict == Sniff::encrypted) {
      error->code = ErrorCode::input_encrypted;
      error->message = "The document is protected by a password";
    }
    return error;
  }

 private:
  static int pdf_quality(const Row& from) { return from.format == "html" ? 75 : from.format == "png" ? 80 : 95; }
  static process::Limits limits() {
    process::Limits limits;
    limits.memory_bytes = 2 * gibibyte;
    limits.address_space_bytes = 4 * gibibyte;
    limits.cpu_ms = 10 * minute_ms;
    limits.file_bytes = gibibyte;
    limits.processes = 128;
    limits.open_files = 1024;
    limits.tmp_bytes = gibibyte;
    return limits;
  }
};

}  // namespace

std::unique_ptr<Engine> make_libreoffice() {
  return std::make_unique<LibreOffice>();
}

}  // namespace convd::engines
