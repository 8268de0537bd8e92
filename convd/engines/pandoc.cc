// Markup to markup by pandoc. With --sandbox its readers open nothing but the document. It cannot write docx, odt and
// epub that way; those are made only from formats that have no includes, and pictures that are not in the document are
// taken out: while it is read, because pandoc looks for those of a docx before its filters run.

#include <algorithm>
#include <array>

#include "convd/engines/builtin.h"
#include "convd/engines/diagnosis.h"
#include "convd/engines/limits.h"
#include "convd/engines/warnings.h"

namespace convd::engines {
namespace {

using shared::ErrorCode;

constexpr auto program = "/usr/bin/pandoc";
constexpr auto script_path = "/tmp/only-inside.lua";

// What a picture may show: data in its own address, or a file that was inside the document.
constexpr std::string_view walls = R"lua(
local function walls()
  local inside = {}
  for _, item in ipairs(pandoc.mediabag.list()) do inside[item.path] = true end
  local function picture(image)
    if inside[image.src] or image.src:match("^data:") then return nil end
    return pandoc.Emph(image.caption)
  end
  return {Image = picture}
end
)lua";
constexpr std::string_view as_filter = "return {walls()}\n";
// A page that is to hold all it shows would also look for what its raw parts name.
constexpr std::string_view as_filter_of_raw_parts =
    "local function none() return {} end\nreturn {walls(), {RawInline = none, RawBlock = none}}\n";

enum class Reach : std::uint8_t { itself, includes };

struct Source {
  std::string_view format;
  std::string_view reader;
  Reach reach;  // whether reading can lead to other files
  int cost;
  int md_quality;  // Markdown keeps no picture of a container
};

constexpr std::array<Source, 11> sources{{{"md", "commonmark_x+autolink_bare_uris", Reach::itself, 100, 90},
                                          {"txt", "gfm+hard_line_breaks", Reach::itself, 100, 85},
                                          {"csv", "csv", Reach::itself, 100, 90},
                                          {"ipynb", "ipynb", Reach::itself, 150, 85},
                                          {"docx", "docx", Reach::itself, 250, 90},
                                          {"odt", "odt", Reach::itself, 250, 90},
                                          {"epub", "epub", Reach::includes, 300, 50},
                                          {"html", "html", Reach::includes, 150, 80},
                                          {"rst", "rst", Reach::includes, 150, 85},
                                          {"tex", "latex", Reach::includes, 150, 80},
                                          {"org", "org", Reach::includes, 150, 85}}};

struct Target {
  std::string_view format;
  std::string_view writer;
  int quality;
};

constexpr std::array<Target, 9> targets{{{"md", "gfm+tex_math_dollars", 0},
                                         {"html", "html5", 90},
                                         {"txt", "plain", 75},
                                         {"rst", "rst", 80},
                                         {"tex", "latex", 80},
                                         {"org", "org", 80},
                                         {"docx", "docx", 85},
                                         {"odt", "odt", 80},
                                         {"epub", "epub3", 85}}};

bool is_container(std::string_view format) {
  return format == "docx" || format == "odt" || format == "epub";
}

// A reader of pandoc's own that hands on what it has read only behind the walls.
std::string as_reader(std::string_view reader) {
  return "function Reader(input)\n  return pandoc.read(tostring(input), \"" + std::string(reader) +
         "\"):walk(walls())\nend\n";
}

template <typename Rows>
const auto& row_of(const Rows& rows, std::string_view format) {
  return *std::find_if(rows.begin(), rows.end(), [&](const auto& row) { return row.format == format; });
}

bool offered(const Source& from, const Target& to) {
  if (from.format == to.format) return false;
  if (!is_container(to.format)) return true;
  // Between office formats LibreOffice keeps the looks; text without markup is its work too.
  if (from.format == "txt" || from.format == "csv") return to.format == "epub" && from.format == "txt";
  if (is_container(from.format)) return to.format == "epub" && from.reach == Reach::itself;
  return from.reach == Reach::itself;
}

const std::vector<Clue>& clues() {
  static const std::vector<Clue> table{
      {"not found in resource path", ErrorCode::input_invalid,
       "the document includes another file; only what is inside the document can be read"},
      {"couldn't unpack docx container", ErrorCode::input_invalid, "the document is damaged"},
      {"couldn't parse docx file", ErrorCode::input_invalid, "the document is damaged"},
      {"Couldn't unpack", ErrorCode::input_invalid, "the document is damaged"},
      {"Couldn't extract ePub file", ErrorCode::input_invalid, "the book is damaged"},
      {"Could not find", ErrorCode::input_invalid, "the document is damaged; a part of it is missing"},
      {"Error parsing", ErrorCode::input_invalid, "the document is damaged"},
      {"openBinaryFile: does not exist", ErrorCode::input_invalid, "the document refers to another file"},
      {"Error at \"", ErrorCode::input_invalid, "the document has a mistake in its markup"},
      {"JSON parse error", ErrorCode::input_invalid, "the notebook is not valid"},
      {"UTF-8 decoding error", ErrorCode::input_invalid, "the text is not in UTF-8"},
      {"Invalid UTF-8", ErrorCode::input_invalid, "the text is not in UTF-8"},
      {"Cannot decode byte", ErrorCode::input_invalid, "the text is not in UTF-8"},
      {"stack overflow", ErrorCode::input_too_large, "the document is nested too deeply"},
  };
  return table;
}

const WarningSigns& warning_signs() {
  // Those of a page without a title, and of a sandbox without translations.
  static const WarningSigns signs{{"[WARNING]"},
                                  {"nonempty <title>", "Could not load translations", "has no translation defined"}};
  return signs;
}

class Pandoc final : public Engine {
 public:
  std::string name() const override { return "pandoc"; }
  std::string title() const override { return "pandoc"; }
  std::string package() const override { return "pandoc"; }
  std::vector<std::string> programs() const override { return {program}; }
  std::vector<std::string> version_command() const override { return {program, "--version"}; }
  std::string read_version(std::string_view printed) const override { return version_after(printed, "pandoc"); }

  std::vector<Edge> edges() const override {
    std::vector<Edge> edges;
    for (const Source& from : sources) {
      for (const Target& to : targets) {
        if (!offered(from, to)) continue;
        const int quality = to.format == "md" ? from.md_quality : to.quality;
        edges.push_back({std::string(from.format), std::string(to.format),
                         from.cost + (is_container(to.format) ? 50 : 0), quality});
      }
    }
    return edges;
  }
  std::vector<OptionSpec> options() const override {
    const std::vector<std::string> with_contents{"html", "tex", "docx", "odt", "epub"};
    return {
        {"toc", OptionType::flag, 0, 0, {}, "false", "begin with a table of contents", with_contents},
        {"columns", OptionType::integer, 20, 1000, {}, "", "wrap lines at this width", {"md", "txt", "rst", "org"}}};
  }

  shared::Result<Command> command(const Task& task) const override {
    const std::string_view mark = std::string_view(task.head).substr(0, 2);
    if (mark == "\xFF\xFE" || mark == "\xFE\xFF") {
      return shared::Error{ErrorCode::input_invalid, "The text is in UTF-16; pandoc reads UTF-8 only", {}};
    }
    Command command;
    command.outputs = task.stem + "." + task.to;
    const std::string reader(row_of(sources, task.from).reader);
    const bool reads_by_script = is_container(task.to) && !is_container(task.from);
    // The pictures of a container would be lost otherwise.
    const bool holds_pictures = is_container(task.from) && task.to == "html";
    command.argv = {program,       "+RTS",
                    "-M1024M",     "-RTS",
                    "--from",      reads_by_script ? script_path : reader,
                    "--to",        std::string(row_of(targets, task.to).writer),
                    "--standalone"};
    if (!is_container(task.to)) command.argv.emplace_back("--sandbox");
    if (holds_pictures) command.argv.emplace_back("--self-contained");
    if (reads_by_script) {
      command.files.push_back({script_path, std::string(walls) + as_reader(reader)});
    } else if (is_container(task.to) || holds_pictures) {
      command.argv.insert(command.argv.end(), {"--lua-filter", script_path});
      command.files.push_back(
          {script_path, std::string(walls) + std::string(holds_pictures ? as_filter_of_raw_parts : as_filter)});
    }
    append_options(command.argv, task);
    command.argv.insert(command.argv.end(), {"--output", "/out/" + command.outputs, "--", task.input});
    command.family = process::Family::markup;
    command.limits = limits();
    command.progress = [] { return with_warnings(warning_signs(), nullptr); };
    return command;
  }
  std::optional<shared::Error> diagnose(const Task&, const Ended& ended) const override {
    return diagnose_run(title(), Trust::status_and_output, clues(), ended);
  }

 private:
  static void append_options(std::vector<std::string>& argv, const Task& task) {
    const auto columns = task.options.find("columns");
    if (columns != task.options.end())
      argv.insert(argv.end(), {"--columns", columns->second});
    else
      argv.emplace_back("--wrap=none");
    const auto toc = task.options.find("toc");
    if (toc != task.options.end() && toc->second == "true") argv.emplace_back("--toc");
  }
  // Its runtime reserves a terabyte of addresses and bounds its heap by itself (-M).
  static process::Limits limits() {
    process::Limits limits;
    limits.memory_bytes = 1536 * mebibyte;
    limits.cpu_ms = 5 * minute_ms;
    limits.file_bytes = 512 * mebibyte;
    limits.processes = 32;
    limits.open_files = 256;
    limits.tmp_bytes = 256 * mebibyte;
    return limits;
  }
};

}  // namespace

std::unique_ptr<Engine> make_pandoc() {
  return std::make_unique<Pandoc>();
}

}  // namespace convd::engines
