// Commands, progress, ends and options of the engines. Nothing is started.

#include <algorithm>
#include <csignal>

#include "convd/engines/builtin.h"
#include "convd/engines/diagnosis.h"
#include "convd/engines/formats.h"
#include "convd/engines/page_range.h"
#include "convd/engines/progress.h"
#include "convd/engines/registry.h"
#include "tests/support/catch.h"

using namespace convd;
using namespace convd::engines;
using process::End;
using process::Stream;
using shared::ErrorCode;
using namespace std::string_literals;

namespace {

const Registry& table() {
  static const Registry registry = Registry::installed("", "/opt/own");
  return registry;
}

const Engine& engine(const std::string& name) {
  return *table().find(name);
}

Task task(const std::string& from, const std::string& to, Options options = {}) {
  return {from, to, "/in/source." + from, "source", std::move(options)};
}

Command command(const std::string& name, const Task& task) {
  return engine(name).command(task).value();
}

// The words of a command line, joined by blanks.
std::string line(const std::string& name, const std::string& from, const std::string& to, Options options = {}) {
  std::string text;
  for (const std::string& word : command(name, task(from, to, std::move(options))).argv)
    text += (text.empty() ? "" : " ") + word;
  return text;
}

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

process::Exit exited(int status) {
  process::Exit exit;
  exit.end = End::exited;
  exit.status = status;
  return exit;
}

process::Exit ended(End end, int status = 0) {
  process::Exit exit;
  exit.end = end;
  exit.status = status;
  return exit;
}

std::optional<shared::Error> diagnose(const std::string& name, const process::Exit& exit, bool has_output,
                                      const std::string& err, const Task& what = task("docx", "pdf")) {
  return engine(name).diagnose(what, Ended{exit, "", err, has_output});
}

using Seen = std::vector<Progress>;

Seen read(ProgressReader& reader, Stream stream, const std::string& text, std::size_t piece) {
  Seen seen;
  for (std::size_t at = 0; at < text.size(); at += piece) {
    reader.feed(stream, std::string_view(text).substr(at, piece),
                [&](const Progress& progress) { seen.push_back(progress); });
  }
  return seen;
}

std::string refusal(const std::string& name, const std::string& to, const std::string& json) {
  const auto given = shared::Json::parse(json);
  const auto options = validate_options({{&engine(name), ""}}, to, given->read());
  return options ? "accepted" : options.error().message;
}

}  // namespace

// ---- commands

TEST_CASE("every edge has a bounded command that stays in its sandbox") {
  for (const EngineState& state : table().engines()) {
    for (const Edge& edge : state.engine->edges()) {
      INFO(state.engine->name() << " " << edge.from << " -> " << edge.to);
      REQUIRE(find_format(edge.from) != nullptr);
      REQUIRE(find_format(edge.to) != nullptr);
      const auto made = state.engine->command(task(edge.from, edge.to));
      REQUIRE(made);
      CHECK(made->argv.front().front() == '/');
      const auto programs = state.engine->programs();
      CHECK(std::find(programs.begin(), programs.end(), made->argv.front()) != programs.end());
      CHECK(std::any_of(made->argv.begin(), made->argv.end(),
                        [&](const std::string& word) { return contains(word, "/in/source." + edge.from); }));
      CHECK(made->outputs.substr(0, 6) == "source");
      CHECK(made->limits.memory_bytes > 0);
      CHECK(made->limits.cpu_ms > 0);
      CHECK(made->limits.file_bytes > 0);
      CHECK(made->limits.processes > 0);
      CHECK(made->limits.tmp_bytes > 0);
      CHECK(edge.cost > 0);
    }
  }
}

TEST_CASE("LibreOffice is told the filters in both directions") {
  const std::string start =
      "/usr/lib/libreoffice/program/soffice -env:UserInstallation=file:///tmp/profile --headless --nologo "
      "--nolockcheck "
      "--norestore --nodefault --nofirststartwizard ";
  CHECK(line("libreoffice", "docx", "pdf") ==
        start + "--infilter=MS Word 2007 XML --convert-to pdf:writer_pdf_Export --outdir /out /in/source.docx");
  CHECK(line("libreoffice", "xls", "pdf") ==
        start + "--infilter=MS Excel 97 --convert-to pdf:calc_pdf_Export --outdir /out /in/source.xls");
  CHECK(line("libreoffice", "pptx", "odp") ==
        start + "--infilter=Impress MS PowerPoint 2007 XML --convert-to odp:impress8 --outdir /out /in/source.pptx");
  CHECK(line("libreoffice", "png", "pdf") == start + "--convert-to pdf:draw_pdf_Export --outdir /out /in/source.png");
  CHECK(line("libreoffice", "txt", "pdf") ==
        start + "--infilter=Text (encoded):UTF8,LF,,, --convert-to pdf:writer_pdf_Export --outdir /out /in/source.txt");
  CHECK(contains(line("libreoffice", "docx", "pdf", {{"pages", "2-5"}}),
                 R"(pdf:writer_pdf_Export:{"PageRange":{"type":"string","value":"2-5"}})"));
}

TEST_CASE("LibreOffice writes one sheet as CSV, or all") {
  CHECK(contains(line("libreoffice", "xlsx", "csv"),
                 "csv:Text - txt - csv (StarCalc):44,34,76,1,,0,false,true,false,false,false,0 "));
  CHECK(command("libreoffice", task("xlsx", "csv")).outputs == "source.csv");
  CHECK(contains(line("libreoffice", "xlsx", "csv", {{"sheets", "all"}}), "false,false,-1 "));
  CHECK(command("libreoffice", task("xlsx", "csv", {{"sheets", "all"}})).outputs == "source-*.csv");
}

TEST_CASE("LibreOffice's options become filter data, the same for both ways") {
  const auto data = [](const std::string& from, Options options) {
    const Command made = command("libreoffice", task(from, "pdf", std::move(options)));
    std::string text;
    for (const auto& entry : made.office->export_data)
      text += (text.empty() ? "" : " ") + entry.name + "=" + entry.value;
    return text;
  };
  CHECK(data("docx", {}).empty());
  CHECK(data("docx", {{"pdfa", "2b"}}) == "SelectPdfVersion=2");
  CHECK(data("docx", {{"pdf_version", "1.5"}, {"pdf_ua", "true"}}) == "PDFUACompliance=true SelectPdfVersion=15");
  CHECK(data("docx", {{"quality", "60"}, {"image_resolution", "150"}}) ==
        "Quality=60 ReduceImageResolution=true MaxImageResolution=150");
  CHECK(data("docx", {{"lossless", "true"}, {"bookmarks", "false"}}) ==
        "UseLosslessCompression=true ExportBookmarks=false");
  CHECK(data("docx", {{"notes", "margin"}}) == "ExportNotesInMargin=true");
  CHECK(data("pptx", {{"notes", "pages"}, {"hidden_slides", "true"}}) ==
        "ExportHiddenSlides=true ExportNotesPages=true");
  CHECK(data("pptx", {{"notes", "none"}}).empty());
  CHECK(data("xlsx", {{"single_page_sheets", "true"}}) == "SinglePageSheets=true");
  CHECK(data("docx", {{"output_password", "geheim"}}) == "EncryptFile=true DocumentOpenPassword=geheim");
  CHECK(contains(
      line("libreoffice", "docx", "pdf", {{"quality", "60"}, {"lossless", "false"}}),
      R"(:{"UseLosslessCompression":{"type":"boolean","value":"false"},"Quality":{"type":"long","value":"60"}} )"));
  const auto job = *command("libreoffice", task("docx", "pdf", {{"pages", "2-5"}})).office;
  CHECK(job.input == "source.docx");
  CHECK(job.output == "source.pdf");
  CHECK(job.import_filter == "MS Word 2007 XML");
  CHECK(job.export_filter == "writer_pdf_Export");
}

TEST_CASE("a small table is one page, whatever separates it, unless something else is asked") {
  const auto single = [](const std::string& from, Options options) {
    return contains(line("libreoffice", from, "pdf", std::move(options)),
                    R"("SinglePageSheets":{"type":"boolean","value":"true")");
  };
  CHECK(single("csv", {}));
  CHECK(single("tsv", {}));
  CHECK_FALSE(single("xlsx", {}));
  CHECK_FALSE(single("csv", {{"pages", "1"}}));
  CHECK_FALSE(single("csv", {{"single_page_sheets", "false"}}));
}

TEST_CASE("what a cold LibreOffice cannot do needs a warm one") {
  const auto warm = [](const std::string& to, Options options) {
    return command("libreoffice", task("xlsx", to, std::move(options))).needs_warm_office;
  };
  CHECK_FALSE(warm("pdf", {}));
  CHECK_FALSE(warm("pdf", {{"pages", "1"}, {"pdfa", "3b"}, {"landscape", "false"}, {"sheets", "all"}}));
  CHECK_FALSE(warm("csv", {{"sheets", "first"}}));
  CHECK(warm("csv", {{"sheets", "2"}}));
  CHECK(warm("pdf", {{"sheets", "first"}}));
  for (const auto& option : std::vector<Options>{{{"password", "p"}},
                                                 {{"output_password", "p"}},
                                                 {{"locale", "de-DE"}},
                                                 {{"landscape", "true"}},
                                                 {{"update_indexes", "true"}},
                                                 {{"tracked_changes", "hide"}},
                                                 {{"early_page", "true"}}}) {
    INFO(option.begin()->first);
    CHECK(warm("pdf", option));
  }
  const auto job = *command("libreoffice", task("xlsx", "ods",
                                                {{"password", "a"},
                                                 {"output_password", "b"},
                                                 {"locale", "de-DE"},
                                                 {"landscape", "true"},
                                                 {"sheets", "2, Totals"}}))
                        .office;
  CHECK(job.password == "a");
  CHECK(job.output_password == "b");
  CHECK(job.locale == "de-DE");
  CHECK(job.landscape);
  CHECK(job.is_spreadsheet);
  CHECK(job.sheets == std::vector<std::string>{"2", "Totals"});
  CHECK(command("libreoffice", task("docx", "pdf", {{"tracked_changes", "hide"}})).office->changes ==
        process::TrackedChanges::hidden);
}

TEST_CASE("no password of an office document stands in a command line") {
  for (const char* to : {"pdf", "docx"}) {
    const std::string words = line("libreoffice", "odt", to, {{"password", "hunter2"}, {"output_password", "hunter3"}});
    CHECK_FALSE(contains(words, "hunter"));
  }
}

TEST_CASE("several sheets are several files of a table") {
  CHECK(command("libreoffice", task("xlsx", "csv", {{"sheets", "2"}})).outputs == "source.csv");
  CHECK(command("libreoffice", task("xlsx", "csv", {{"sheets", "1,3"}})).outputs == "source-*.csv");
  CHECK(contains(line("libreoffice", "xlsx", "csv", {{"sheets", "1,3"}}), "false,false,-1 "));
  CHECK(contains(line("libreoffice", "ods", "tsv"), "tsv:Text - txt - csv (StarCalc):9,34,76,"));
  CHECK(command("libreoffice", task("xlsx", "pdf", {{"sheets", "1,3"}})).outputs == "source.pdf");
}

TEST_CASE("LibreOffice's contradictions are refused before anything runs") {
  const auto refused = [](const std::string& to, Options options) {
    const auto outcome = engine("libreoffice").check(task("xlsx", to, std::move(options)));
    if (outcome) return std::string("fits");
    CHECK(outcome.error().code == ErrorCode::invalid_option);
    return outcome.error().message;
  };
  CHECK(refused("pdf", {{"pdfa", "1b"}, {"output_password", "p"}}) ==
        "options.pdfa: PDF/A allows no password; leave out one of pdfa and output_password");
  CHECK(contains(refused("pdf", {{"pdfa", "1b"}, {"pdf_version", "1.6"}}), "leave out one of"));
  CHECK(contains(refused("pdf", {{"quality", "50"}, {"lossless", "true"}}), "leave out one of"));
  CHECK(contains(refused("pdf", {{"pdf_ua", "true"}, {"bookmarks", "false"}}), "leave out one of"));
  CHECK(refused("pdf", {{"quality", "50"}, {"lossless", "false"}, {"pdfa", "2b"}, {"pdf_ua", "true"}}) == "fits");
  CHECK(refused("csv", {{"sheets", "0"}}) == "options.sheets: sheets count from 1, got \"0\"");
  CHECK(contains(refused("csv", {{"sheets", "1,,2"}}), "options.sheets: expected first, all, or names"));
  for (const char* good : {"de", "de-DE", "zh-Hant-TW", "ca-ES-valencia", "fil"})
    CHECK(refused("pdf", {{"locale", good}}) == "fits");
  for (const char* bad : {"d", "german", "de_DE", "de-", "-DE", "1e-DE", "de--DE"}) {
    INFO(bad);
    CHECK(contains(refused("pdf", {{"locale", bad}}), "expected a language tag"));
  }
}

TEST_CASE("options are offered for the documents that have what they are about") {
  const auto offers = [](const std::string& from, const std::string& to, const std::string& name) {
    const auto specs = options_for({{&engine("libreoffice"), from}}, to);
    return std::any_of(specs.begin(), specs.end(), [&](const OptionSpec& spec) { return spec.name == name; });
  };
  CHECK(offers("xlsx", "pdf", "sheets"));
  CHECK_FALSE(offers("docx", "pdf", "sheets"));
  CHECK(offers("docx", "odt", "tracked_changes"));
  CHECK_FALSE(offers("txt", "odt", "tracked_changes"));
  CHECK(offers("docx", "odt", "output_password"));
  CHECK_FALSE(offers("docx", "rtf", "output_password"));
  CHECK(offers("docx", "pdf", "password"));
  CHECK_FALSE(offers("rtf", "pdf", "password"));
  CHECK_FALSE(offers("docx", "odt", "pdfa"));
  const auto notes = [](const std::string& from) {
    for (const OptionSpec& spec : options_for({{&engine("libreoffice"), from}}, "pdf"))
      if (spec.name == "notes") return spec.choices.back();
    return std::string();
  };
  CHECK(notes("odt") == "margin");
  CHECK(notes("pptx") == "pages");
  CHECK(notes("ods") == "comments");
}

TEST_CASE("the encoding of a CSV is read from its first bytes") {
  const auto filter = [](const std::string& head) {
    Task csv = task("csv", "pdf");
    csv.head = head;
    return command("libreoffice", csv).argv[8];
  };
  const std::string start = "--infilter=Text - txt - csv (StarCalc):44/59/9,34,";
  CHECK(filter("") == start + "76");
  CHECK(filter("a;b") == start + "76");
  CHECK(filter("na\xC3\xAFve") == start + "76");
  CHECK(filter("cut in a character \xC3") == start + "76");
  CHECK(filter("\xFF\xFEp\0"s) == start + "65535");
  CHECK(filter("caf\xE9;latin") == start + "1");
}

TEST_CASE("LibreOffice runs without macros, links and a profile of its own making") {
  const Command made = command("libreoffice", task("docx", "pdf"));
  REQUIRE(made.files.size() == 1);
  for (const char* setting : {"BlockUntrustedRefererLinks", "DisableMacrosExecution"}) {
    CHECK(contains(made.files[0].content, "\""s + setting + "\" oor:op=\"fuse\"><value>true</value>"));
  }
  CHECK(contains(made.files[0].content, "\"MacroSecurityLevel\" oor:op=\"fuse\"><value>3</value>"));
  REQUIRE_FALSE(made.env.empty());
  CHECK(made.env[0].first == "CONFIGURATION_LAYERS");
  CHECK(contains(made.env[0].second, "user:*file://" + made.files[0].path));
}

TEST_CASE("LibreOffice loads nothing that a document names") {
  const Command made = command("libreoffice", task("docx", "pdf"));
  REQUIRE(made.files.size() == 1);
  const auto is_set = [&](const std::string& node, const std::string& name, const std::string& value) {
    return contains(made.files[0].content, "<item oor:path=\"/org.openoffice.Office." + node + "\"><prop oor:name=\"" +
                                               name + "\" oor:op=\"fuse\"><value>" + value + "</value>");
  };
  CHECK(is_set("Common/Security/Scripting", "DisableActiveContent", "true"));
  CHECK(is_set("Writer/Content/Update", "Link", "0"));
  CHECK(is_set("Calc/Content/Update", "Link", "1"));
  CHECK(is_set("Java/VirtualMachine", "Enable", "false"));
}

TEST_CASE("programs that work alone say so") {
  const auto family = [](const std::string& name, const std::string& from, const std::string& to) {
    return command(name, task(from, to)).family;
  };
  using process::Family;
  CHECK((family("pandoc", "md", "html") == Family::markup));
  CHECK((family("poppler", "pdf", "png") == Family::pdf));
  CHECK((family("layout", "pdf", "md") == Family::pdf));
  CHECK((family("vips", "png", "jpg") == Family::image));
  CHECK((family("rsvg", "svg", "png") == Family::image));
  CHECK((family("ffmpeg", "wav", "mp3") == Family::media));
  CHECK((family("libreoffice", "docx", "pdf") == Family::office));
}

TEST_CASE("pandoc reads in its own sandbox wherever it can") {
  CHECK(line("pandoc", "md", "html") ==
        "/usr/bin/pandoc +RTS -M1024M -RTS --from commonmark_x+autolink_bare_uris --to html5 --standalone --sandbox "
        "--wrap=none "
        "--output /out/source.html -- /in/source.md");
  CHECK(line("pandoc", "md", "docx") ==
        "/usr/bin/pandoc +RTS -M1024M -RTS --from /tmp/only-inside.lua --to docx --standalone --wrap=none --output "
        "/out/source.docx -- /in/source.md");
  CHECK(contains(line("pandoc", "docx", "epub"), " --lua-filter /tmp/only-inside.lua "));
  CHECK(contains(line("pandoc", "docx", "html"), "--sandbox --self-contained "));
  CHECK(contains(line("pandoc", "docx", "md", {{"columns", "72"}}), "--columns 72 "));
  CHECK(contains(line("pandoc", "md", "epub", {{"toc", "true"}}), " --toc "));
}

TEST_CASE("pandoc never reads a format with includes outside its sandbox") {
  for (const Edge& edge : engine("pandoc").edges()) {
    const std::string words = line("pandoc", edge.from, edge.to);
    INFO(words);
    const bool includes =
        edge.from == "rst" || edge.from == "tex" || edge.from == "org" || edge.from == "html" || edge.from == "epub";
    const bool walled = contains(words, " --lua-filter ") || contains(words, " --from /tmp/only-inside.lua ");
    CHECK((contains(words, " --sandbox ") || walled));
    if (includes) CHECK(contains(words, " --sandbox "));
  }
}

TEST_CASE("pandoc is not asked to read UTF-16") {
  Task csv = task("csv", "md");
  csv.head = "\xFF\xFEp\0"s;
  const auto refused = engine("pandoc").command(csv);
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code == ErrorCode::input_invalid);
}

TEST_CASE("Poppler draws pages and reads text") {
  CHECK(line("poppler", "pdf", "png") == "/usr/bin/pdftoppm -progress -png -r 150 /in/source.pdf /out/source");
  CHECK(line("poppler", "pdf", "jpg", {{"dpi", "72"}, {"quality", "50"}, {"pages", "2-3"}}) ==
        "/usr/bin/pdftoppm -progress -jpeg -r 72 -jpegopt quality=50 -f 2 -l 3 /in/source.pdf /out/source");
  CHECK(line("poppler", "pdf", "png", {{"single", "true"}, {"password", "open sesame"}}) ==
        "/usr/bin/pdftoppm -progress -png -r 150 -upw open sesame -singlefile /in/source.pdf /out/source");
  CHECK(line("poppler", "pdf", "txt", {{"pages", "4-"}, {"layout", "true"}}) ==
        "/usr/bin/pdftotext -enc UTF-8 -eol unix -layout -f 4 /in/source.pdf /out/source.txt");
  CHECK(line("poppler", "pdf", "svg") == "/usr/bin/pdftocairo -svg /in/source.pdf /out/source.svg");
  CHECK(command("poppler", task("pdf", "png")).outputs == "source-*.png");
  CHECK(command("poppler", task("pdf", "png", {{"single", "true"}})).outputs == "source.png");
  CHECK(command("poppler", task("pdf", "tiff")).outputs == "source-*.tif");
}

TEST_CASE("libvips turns pictures upright, fits them, and keeps untrusted loaders off") {
  CHECK(line("vips", "png", "jpg") == "/usr/bin/vips autorot /in/source.png /out/source.jpg[Q=85,background=255]");
  CHECK(line("vips", "jpg", "webp", {{"width", "640"}, {"quality", "60"}}) ==
        "/usr/bin/vips thumbnail /in/source.jpg /out/source.webp[Q=60] 640 --height 10000000 --size both");
  CHECK(line("vips", "gif", "webp") == "/usr/bin/vips autorot /in/source.gif[n=-1] /out/source.webp[Q=75]");
  CHECK(line("vips", "tiff", "png", {{"page", "2"}}) ==
        "/usr/bin/vips autorot /in/source.tiff[page=1] /out/source.png");
  CHECK(command("vips", task("png", "jpg")).env[0] == std::pair<std::string, std::string>("VIPS_BLOCK_UNTRUSTED", "1"));
  const auto refused = engine("vips").command(task("jpg", "png", {{"page", "2"}}));
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code == ErrorCode::invalid_option);
}

TEST_CASE("should ImageMagick be reached, it may do nothing") {
  const Command made = command("vips", task("png", "jpg"));
  REQUIRE(made.files.size() == 1);
  CHECK(made.files[0].path == "/etc/ImageMagick-6/policy.xml");
  for (const char* domain : {"delegate", "filter", "coder", "module"})
    CHECK(contains(made.files[0].content, "<policy domain=\""s + domain + "\" rights=\"none\" pattern=\"*\"/>"));
}

TEST_CASE("librsvg keeps the shape of a drawing") {
  CHECK(line("rsvg", "svg", "png", {{"width", "300"}, {"dpi", "144"}}) ==
        "/usr/bin/rsvg-convert --format png --keep-aspect-ratio --output /out/source.png --dpi-x 144 --dpi-y 144 "
        "--width 300 -- "
        "/in/source.svg");
}

TEST_CASE("ffmpeg reads with the reader of the format only, and opens files only") {
  const std::string start =
      "/usr/bin/ffmpeg -hide_banner -nostdin -nostats -progress pipe:1 -stats_period 0.2 "
      "-max_pixels 250000000 -t 86401.000 -protocol_whitelist file,pipe -format_whitelist ";
  CHECK(line("ffmpeg", "wav", "mp3") ==
        start +
            "wav -f wav -i /in/source.wav -sn -dn -map 0:a:0 -vn -c:a libmp3lame -b:a 192k -f mp3 -y /out/source.mp3");
  CHECK(line("ffmpeg", "bmp", "png") == start +
                                            "bmp_pipe -f bmp_pipe -i /in/source.bmp -sn -dn -map 0:v:0 -an -frames:v 1 "
                                            "-update 1 -f image2 -y /out/source.png");
  CHECK(contains(line("ffmpeg", "mp4", "png", {{"at_ms", "1500"}}),
                 " -ss 1.500 -max_pixels 250000000 -t 86401.000 -protocol_whitelist file,pipe -format_whitelist "));
  CHECK(contains(line("ffmpeg", "mp4", "png", {{"at_ms", "7"}}), " -ss 0.007 "));
  CHECK(contains(line("ffmpeg", "mkv", "webm", {{"bitrate", "96"}}), "-f matroska -i /in/source.mkv"));
  CHECK(contains(line("ffmpeg", "mkv", "webm", {{"bitrate", "96"}}), "-c:a libopus -b:a 96k"));
}

TEST_CASE("a sound that is longer than it may be is refused, not cut") {
  Task what = task("wav", "mp3");
  what.input_limits.input_duration_ms = 2000;
  const process::Exit exit = exited(0);
  const auto error = engine("ffmpeg").diagnose(what, Ended{exit, "out_time_us=2500000\n", "", true});
  REQUIRE(error.has_value());
  CHECK(error->code == ErrorCode::input_too_large);
  CHECK_FALSE(engine("ffmpeg").diagnose(what, Ended{exit, "out_time_us=2000000\n", "", true}).has_value());
}

TEST_CASE("the layout program is where our own programs are") {
  CHECK(line("layout", "pdf", "md", {{"password", "p"}}) ==
        "/opt/own/convd-layout --to md --password-file /tmp/password /in/source.pdf /out/source.md");
}

// ---- registry

TEST_CASE("an engine without its program is unavailable and names its package") {
  const Registry nothing = Registry::installed("/nonexistent", "/nowhere");
  REQUIRE(nothing.engines().size() == 7);
  for (const EngineState& state : nothing.engines()) {
    CHECK_FALSE(state.available);
    CHECK(contains(state.problem, state.engine->package()));
  }
  CHECK(nothing.find("nosuch") == nullptr);
}

TEST_CASE("versions and problems arrive later") {
  Registry registry = Registry::installed("/nonexistent");
  registry.set_version("pandoc", "2.17.1.1");
  registry.set_unavailable("vips", "does not start");
  for (const EngineState& state : registry.engines()) {
    if (state.engine->name() == "pandoc") CHECK(state.version == "2.17.1.1");
    if (state.engine->name() == "vips") CHECK(state.problem == "does not start");
  }
}

TEST_CASE("versions are read from what the programs print") {
  CHECK(engine("libreoffice").read_version("LibreOffice 7.4.7.2 40(Build:2)\n") == "7.4.7.2");
  CHECK(engine("pandoc").read_version("pandoc 2.17.1.1\nCompiled with") == "2.17.1.1");
  CHECK(engine("poppler").read_version("pdftotext version 22.12.0\nCopyright 2005") == "22.12.0");
  CHECK(engine("vips").read_version("vips-8.14.1\n") == "8.14.1");
  CHECK(engine("rsvg").read_version("rsvg-convert version 2.54.7\n") == "2.54.7");
  CHECK(engine("ffmpeg").read_version("ffmpeg version 5.1.9-0+deb12u1 Copyright (c)") == "5.1.9-0+deb12u1");
  CHECK(engine("layout").read_version("convd-layout 0.1.0\n") == "0.1.0");
  CHECK(engine("pandoc").read_version("something else").empty());
}

// ---- progress

TEST_CASE("pdftoppm's lines count the pages asked for, in any pieces") {
  const std::string text = "2 4 /out/source-2.png\nSyntax Warning: 9 9\n3 4 /out/source-3.png\n4 4 /out/source-4.png\n";
  for (const std::size_t piece : {1u, 3u, 7u, 200u}) {
    PageCounting counting;
    counting.first = 2;
    const auto reader = make_pdftoppm_progress(counting);
    const Seen seen = read(*reader, Stream::err, text, piece);
    REQUIRE(seen.size() == 3);
    CHECK(seen[0].done == 1);
    CHECK(seen[2].done == 3);
    CHECK(seen[2].total == 3);
    CHECK(seen[2].unit == "page");
  }
  CHECK(read(*make_pdftoppm_progress({}), Stream::out, text, 9).empty());
}

TEST_CASE("nonsense is no progress") {
  const auto reader = make_pdftoppm_progress({});
  CHECK(read(*reader, Stream::err, "5 4 x\n-1 4 x\n99999999999999999999 4 x\n1\n1 x\nx 1 2\n0 4 x\n1 4x\n", 5).empty());
  CHECK(read(*reader, Stream::err, "1 1 " + std::string(10'000, 'x') + "\n", 4096).empty());
  CHECK(read(*reader, Stream::err, "1 1 y\n", 2).size() == 1);
}

TEST_CASE("the layout program tells its pages") {
  const auto reader = make_layout_progress();
  const Seen seen = read(*reader, Stream::err, "page 1 3\nwarning: no fonts\npage 2 3\npage 3 3\n", 4);
  REQUIRE(seen.size() == 3);
  CHECK(seen[1].done == 2);
  CHECK(seen[1].total == 3);
}

TEST_CASE("ffmpeg's time runs against the duration it found") {
  const auto reader = make_ffmpeg_progress();
  CHECK(read(*reader, Stream::err, "Input #0, mov, from '/in/source.mp4':\n  Duration: 00:01:09.99, start: 0.0\n", 6)
            .empty());
  const Seen seen =
      read(*reader, Stream::out,
           "frame=1\nout_time_us=N/A\nprogress=continue\nout_time_us=8954000\nout_time_us=90000000\nprogress=end\n", 5);
  REQUIRE(seen.size() == 2);
  CHECK(seen[0].done == 8954);
  CHECK(seen[0].total == 69'990);
  CHECK(seen[1].done == 69'990);
  CHECK(seen[1].unit == "ms");
}

TEST_CASE("ffmpeg without a duration counts without a total") {
  const auto reader = make_ffmpeg_progress();
  CHECK(read(*reader, Stream::err, "  Duration: N/A, bitrate: N/A\n", 50).empty());
  // A title may look like it.
  CHECK(read(*reader, Stream::err, "title: Duration: 9223372036854775807:00:00.00\n", 50).empty());
  const Seen seen = read(*reader, Stream::out, "out_time_us=1000000\n", 50);
  REQUIRE(seen.size() == 1);
  CHECK_FALSE(seen[0].total);
}

// ---- ends

TEST_CASE("success is an exit of 0 with output; LibreOffice's status says nothing") {
  CHECK_FALSE(diagnose("poppler", exited(0), true, "Syntax Warning: x"));
  CHECK_FALSE(diagnose("libreoffice", exited(1), true, ""));
  CHECK(diagnose("poppler", exited(1), true, "")->code == ErrorCode::engine_failed);
  CHECK(diagnose("poppler", exited(0), false, "")->code == ErrorCode::engine_failed);
  CHECK(diagnose("libreoffice", exited(0), false, "")->code == ErrorCode::engine_failed);
}

TEST_CASE("the way a run ended decides before its words") {
  CHECK(diagnose("poppler", ended(End::out_of_memory), false, "Incorrect password")->code == ErrorCode::out_of_memory);
  CHECK(diagnose("poppler", ended(End::output_limit), true, "")->code == ErrorCode::output_too_large);
  CHECK(diagnose("poppler", ended(End::killed), true, "")->code == ErrorCode::interrupted);
  CHECK(diagnose("poppler", ended(End::lost), false, "")->code == ErrorCode::interrupted);
  CHECK(diagnose("poppler", ended(End::not_started), false, "")->code == ErrorCode::internal);
  CHECK(diagnose("poppler", ended(End::signalled, SIGSEGV), true, "")->code == ErrorCode::engine_crashed);
  CHECK(diagnose("poppler", ended(End::signalled, SIGXCPU), false, "")->code == ErrorCode::timed_out);
  CHECK(diagnose("poppler", ended(End::signalled, SIGXFSZ), false, "")->code == ErrorCode::output_too_large);
  CHECK(diagnose("libreoffice", ended(End::signalled, SIGABRT), true, "")->code == ErrorCode::engine_crashed);
  CHECK(diagnose("poppler", exited(128 + SIGSEGV), false, "")->code == ErrorCode::engine_crashed);
  CHECK(diagnose("poppler", exited(134), false, "terminate called: std::bad_alloc")->code == ErrorCode::out_of_memory);
}

TEST_CASE("what an engine says becomes a code") {
  struct Row {
    std::string engine;
    std::string words;
    ErrorCode code;
  };
  const std::vector<Row> rows{
      {"poppler", "Command Line Error: Incorrect password", ErrorCode::input_encrypted},
      {"poppler", "Syntax Error: Couldn't find trailer dictionary", ErrorCode::input_invalid},
      {"poppler", "Command Line Error: Wrong page range given: the first page (9) can not be after the last page (1).",
       ErrorCode::input_invalid},
      {"pandoc", "File /etc/passwd not found in resource path", ErrorCode::input_invalid},
      {"pandoc", "couldn't unpack docx container: not enough bytes", ErrorCode::input_invalid},
      {"pandoc", "Could not find styles.xml", ErrorCode::input_invalid},
      {"pandoc", "pandoc: Heap exhausted; heap exhausted", ErrorCode::out_of_memory},
      {"libreoffice", "Error: source file could not be loaded", ErrorCode::input_invalid},
      {"vips", "magickload: operation is blocked", ErrorCode::input_invalid},
      {"vips", "webpsave: image too large", ErrorCode::input_too_large},
      {"rsvg", "Error reading SVG /in/source.svg: XML parse error: Error domain 1", ErrorCode::input_invalid},
      {"ffmpeg", "[mov,mp4] moov atom not found", ErrorCode::input_invalid},
      {"ffmpeg", "/in/source.mkv: Invalid data found when processing input", ErrorCode::input_invalid},
      {"ffmpeg", "Stream map '0:a:0' matches no streams.", ErrorCode::input_invalid},
      {"layout", "convd-layout: the document needs a password, or the password is wrong", ErrorCode::input_encrypted},
      {"layout", "convd-layout: no page has text; the pages are pictures", ErrorCode::engine_failed},
      {"vips", "No space left on device", ErrorCode::output_too_large},
      {"ffmpeg", "something unheard of", ErrorCode::engine_failed},
  };
  for (const Row& row : rows) {
    INFO(row.engine << ": " << row.words);
    const auto error = diagnose(row.engine, exited(1), false, row.words);
    REQUIRE(error);
    CHECK(error->code == row.code);
    CHECK(error->detail == row.words);
    CHECK_FALSE(error->message.empty());
  }
}

TEST_CASE("a warm child says itself what was wrong, and its notes are no detail") {
  auto exit = exited(1);
  exit.warm = true;
  const auto ends = [&](const std::string& out, const std::string& err, bool has_output) {
    return engine("libreoffice").diagnose(task("docx", "pdf"), Ended{exit, out, err, has_output});
  };
  const std::string failed = R"({"code":"input_encrypted","sentence":"The password is wrong","type":"failed"})";
  const auto error = ends("{\"type\":\"pages\",\"count\":3}\n" + failed + "\n", "warn: x", false);
  REQUIRE(error);
  CHECK(error->code == ErrorCode::input_encrypted);
  CHECK(error->message == "The password is wrong");
  CHECK(error->detail == "warn: x");
  const auto odd = ends(R"({"code":"forbidden","sentence":"x","type":"failed"})", "", false);
  CHECK(odd->code == ErrorCode::engine_failed);
  CHECK(ends("", "", true)->code == ErrorCode::engine_failed);
  exit.end = End::signalled;
  exit.status = SIGSEGV;
  CHECK(ends("{}\n", "", true)->code == ErrorCode::engine_crashed);
  CHECK(ends("{}\n", "", true)->detail.empty());
  exit = exited(0);
  exit.warm = true;
  CHECK_FALSE(ends("", "", true));
}

TEST_CASE("without a warm LibreOffice the reason is told, and which options wanted it") {
  auto exit = ended(End::not_started);
  exit.reason = "convd-office is not installed";
  const auto error =
      engine("libreoffice")
          .diagnose(task("docx", "pdf", {{"password", "p"}, {"landscape", "true"}}), Ended{exit, "", "", false});
  REQUIRE(error);
  CHECK(error->code == ErrorCode::engine_failed);
  CHECK(contains(error->message, "(password, landscape), and none serves here: convd-office is not installed;"));
  CHECK(diagnose("libreoffice", exit, false, "")->code == ErrorCode::internal);
}

TEST_CASE("ffmpeg's progress is no detail") {
  const auto exit = exited(1);
  const auto error =
      engine("ffmpeg").diagnose(task("wav", "mp3"), Ended{exit, "progress=end\n", "Invalid data found", false});
  REQUIRE(error);
  CHECK(error->detail == "Invalid data found");
}

TEST_CASE("the detail is clean, valid and short") {
  CHECK(presentable_tail("out", "err\n") == "out\nerr");
  CHECK(presentable_tail("", "a\x1B[31mb\0c\r\xFFz\x7F"s) == "a[31mbc\n\xEF\xBF\xBDz");
  CHECK(presentable_tail("", "  \n").empty());
  std::string many;
  for (int i = 0; i < 2000; ++i) many += "\xE2\x82\xAC";
  const std::string tail = presentable_tail("", many);
  CHECK(tail.size() <= 2048);
  CHECK(tail.size() > 2040);
  CHECK(tail.substr(0, 3) == "\xE2\x82\xAC");
}

// ---- options

TEST_CASE("options are checked, and the errors say what would be right") {
  CHECK(refusal("poppler", "png", R"({"dpi":"abc"})") ==
        R"(options.dpi: expected a whole number from 10 to 1200, got "abc")");
  CHECK(refusal("poppler", "png", R"({"dpi":5000})") ==
        R"(options.dpi: expected a whole number from 10 to 1200, got "5000")");
  CHECK(refusal("poppler", "png", R"({"dpi":1.5})") == "options.dpi: expected a single value, got 1.5");
  CHECK(refusal("poppler", "png", R"({"dpi":[1]})") == "options.dpi: expected a single value, got [1]");
  CHECK(refusal("poppler", "png", R"({"colour":1})") ==
        "options.colour: unknown option; this conversion knows dpi, pages, password, single");
  CHECK(refusal("poppler", "txt", R"({"dpi":100})") ==
        "options.dpi: unknown option; this conversion knows layout, pages, password");
  CHECK(refusal("poppler", "png", R"({"single":"maybe"})") == R"(options.single: expected true or false, got "maybe")");
  CHECK(refusal("poppler", "png", R"({"pages":"5-2"})") ==
        R"(options.pages: expected pages such as 3, 2-5 or 4-, got "5-2")");
  CHECK(refusal("libreoffice", "pdf", R"({"pdfa":"4"})") == R"(options.pdfa: expected one of 1b, 2b, 3b, got "4")");
  CHECK(refusal("rsvg", "pdf", R"({"x":1})") == "options.x: unknown option; this conversion knows dpi");
  CHECK(refusal("poppler", "png", "[1]") == "options: expected an object of names and values");
}

TEST_CASE("a refused password is not repeated") {
  const std::string message = refusal("poppler", "txt", R"({"password":")" + std::string(200, 'k') + R"("})");
  CHECK(message == "options.password: expected 1 to 127 bytes without control characters, got 200 bytes");
}

TEST_CASE("values arrive as text, numbers or flags, and leave in one form") {
  const auto given =
      shared::Json::parse(R"({"dpi":"0200","single":true,"pages":"3-3","password":"p w","quality":null})");
  const auto options = validate_options({{&engine("poppler"), "pdf"}}, "png", given->read());
  REQUIRE(options);
  CHECK(*options == Options{{"dpi", "200"}, {"single", "true"}, {"pages", "3"}, {"password", "p w"}});
  CHECK(validate_options({{&engine("poppler"), "pdf"}}, "png", shared::Json().read())->empty());
}

TEST_CASE("a route knows the options of all its engines for its target") {
  const auto given = shared::Json::parse(R"({"dpi":100,"width":10})");
  CHECK_FALSE(validate_options({{&engine("libreoffice"), "docx"}, {&engine("poppler"), "pdf"}}, "png", given->read()));
  CHECK(validate_options({{&engine("poppler"), "pdf"}, {&engine("vips"), "png"}}, "png", given->read()));
}

TEST_CASE("page ranges") {
  CHECK(to_string(*parse_page_range("3")) == "3");
  CHECK(to_string(*parse_page_range("2-5")) == "2-5");
  CHECK(to_string(*parse_page_range("4-")) == "4-");
  for (const char* wrong : {"", "-", "0", "-3", "a", "1,2", "3-2", "1-2-3", " 1", "1000001", "+1"}) {
    INFO(wrong);
    CHECK_FALSE(parse_page_range(wrong));
  }
}
