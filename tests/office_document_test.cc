// What convd/office makes of documents: every option is judged by its output. All in children of one warm LibreOffice.

#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>

#include "convd/loop/unique_fd.h"
#include "tests/support/catch.h"
#include "tests/support/flat_documents.h"
#include "tests/support/office_world.h"

using namespace tests;

namespace {

// One for all cases: it takes seconds to start.
OfficeWorld& world() {
  static OfficeWorld only;
  return only;
}

bool possible() {
  if (!OfficeWorld::possible()) WARN("skipped: built without LibreOffice");
  return OfficeWorld::possible();
}

OfficeJob text_job() {
  OfficeJob job;
  job.input = "document.fodt";
  job.output = "result.pdf";
  job.import_filter = "OpenDocument Text Flat XML";
  job.export_filter = "writer_pdf_Export";
  return job;
}
OfficeJob sheet_job() {
  OfficeJob job = text_job();
  job.input = "document.fods";
  job.import_filter = "OpenDocument Spreadsheet Flat XML";
  job.export_filter = "calc_pdf_Export";
  job.is_spreadsheet = true;
  return job;
}
OfficeJob slide_job() {
  OfficeJob job = text_job();
  job.input = "document.fodp";
  job.import_filter = "OpenDocument Presentation Flat XML";
  job.export_filter = "impress_pdf_Export";
  return job;
}
OfficeJob with(OfficeJob job, FilterValue value) {
  job.export_data.push_back(std::move(value));
  return job;
}
OfficeJob storing(OfficeJob job, const std::string& filter, const std::string& output) {
  job.export_filter = filter;
  job.output = output;
  return job;
}
OfficeJob loading(OfficeJob job, const std::string& filter, const std::string& input) {
  job.import_filter = filter;
  job.input = input;
  return job;
}

bool has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

std::vector<OfficeStep> steps(const Outcome& outcome, OfficePhase phase) {
  std::vector<OfficeStep> found = outcome.all<OfficeStep>();
  std::erase_if(found, [&](const OfficeStep& step) { return step.phase != phase; });
  return found;
}

const std::vector<flat::Sheet>& three_sheets() {
  static const std::vector<flat::Sheet> sheets{
      {"North", {flat::cell("cold") + flat::cell("snow")}},
      {"South",
       {flat::cell("warm") +
        R"(<table:table-cell table:formula="of:=['North'.A1]&amp;&quot;er&quot;" office:value-type="string"/>)"}},
      {"2024", {flat::cell("a year")}}};
  return sheets;
}

}  // namespace

TEST_CASE("A warm LibreOffice has one thread and knows its version") {
  if (!possible()) return;
  // ready VERSION START_MS WARM_MS RSS_KB THREADS
  CHECK(world().ready().rfind("ready ", 0) == 0);
  CHECK(world().ready().substr(world().ready().rfind(' ')) == " 1");
  CHECK(has(world().ready(), "."));
}

TEST_CASE("A conversion tells its pages one by one") {
  if (!possible()) return;
  const Outcome outcome = world().convert(flat::pages(5), text_job());
  REQUIRE(outcome.ok());
  CHECK(outcome.info("Pages") == "5");
  CHECK(has(outcome.text(), "Page 5 begins"));
  REQUIRE(outcome.all<OfficePages>().size() == 1);
  CHECK(outcome.all<OfficePages>().front().count == 5);
  std::vector<std::int64_t> done;
  for (const OfficeStep& step : steps(outcome, OfficePhase::writing)) {
    CHECK(step.total == 5);
    done.push_back(step.done);
  }
  CHECK(done == std::vector<std::int64_t>{0, 1, 2, 3, 4, 5});
  CHECK_FALSE(steps(outcome, OfficePhase::reading).empty());
  CHECK(steps(outcome, OfficePhase::layout).size() == 1);
}

TEST_CASE("What is not paged tells no pages") {
  if (!possible()) return;
  const Outcome outcome = world().convert(flat::pages(2), storing(text_job(), "MS Word 2007 XML", "result.docx"));
  REQUIRE(outcome.ok());
  CHECK(outcome.all<OfficePages>().empty());
  for (const OfficeStep& step : steps(outcome, OfficePhase::writing)) CHECK(step.total == 0);
  const Outcome again =
      world().convert(content_of(outcome.path("result.docx")), loading(text_job(), "MS Word 2007 XML", "result.docx"));
  CHECK(has(again.text(), "Page 2 begins"));
}

TEST_CASE("A page range is exported, and counted by itself") {
  if (!possible()) return;
  const Outcome outcome = world().convert(flat::pages(5), with(text_job(), {"PageRange", ValueKind::text, "2-3"}));
  REQUIRE(outcome.ok());
  CHECK(outcome.info("Pages") == "2");
  CHECK(has(outcome.text(), "Page 2 begins"));
  CHECK(outcome.all<OfficePages>().front().count == 5);
  CHECK(outcome.all<OfficePages>().front().chosen == 2);
  CHECK(steps(outcome, OfficePhase::writing).back().total == 2);

  const Outcome beyond = world().convert(flat::pages(2), with(text_job(), {"PageRange", ValueKind::text, "7-"}));
  CHECK(beyond.failure() == "input_invalid: The page range names none of the 2 pages there are");
}

TEST_CASE("Paper is turned") {
  if (!possible()) return;
  OfficeJob job = text_job();
  job.landscape = true;
  CHECK(world().convert(flat::pages(2), job).info("Page size") == "841.89 x 595.304 pts (A4)");
  OfficeJob sheets = sheet_job();
  sheets.landscape = true;
  CHECK(world().convert(flat::sheets(three_sheets()), sheets).info("Page size") == "841.89 x 595.304 pts (A4)");
}

TEST_CASE("The locale decides the paper where the document does not") {
  if (!possible()) return;
  OfficeJob job = sheet_job();
  CHECK(world().convert(flat::sheets(three_sheets()), job).info("Page size") == "595.304 x 841.89 pts (A4)");
  job.locale = "en-US";
  CHECK(world().convert(flat::sheets(three_sheets()), job).info("Page size") == "612 x 792 pts (letter)");
}

TEST_CASE("The locale decides how numbers look") {
  if (!possible()) return;
  OfficeJob job = sheet_job();
  const std::string half =
      flat::sheets({{"A", {R"(<table:table-cell office:value-type="float" office:value="1.5"/>)"}}});
  CHECK(has(world().convert(half, job).text(), "1.5"));
  job.locale = "de-DE";
  CHECK(has(world().convert(half, job).text(), "1,5"));
}

TEST_CASE("A password that is missing, wrong, right") {
  if (!possible()) return;
  struct Format {
    std::string filter;
    std::string name;
    OfficeJob job;
    std::string document;
  };
  const std::vector<Format> formats{
      {"writer8", "secret.odt", text_job(), flat::pages(1)},
      {"MS Word 2007 XML", "secret.docx", text_job(), flat::pages(1)},
      {"MS Word 97", "secret.doc", text_job(), flat::pages(1)},
      {"Calc MS Excel 2007 XML", "secret.xlsx", sheet_job(), flat::sheets(three_sheets())},
      {"MS Excel 97", "secret.xls", sheet_job(), flat::sheets(three_sheets())},
      {"Impress MS PowerPoint 2007 XML", "secret.pptx", slide_job(), flat::slides({flat::text_box("slide")})}};
  for (const Format& format : formats) {
    INFO(format.name);
    OfficeJob lock = storing(format.job, format.filter, format.name);
    lock.output_password = "open sesame";
    const Outcome locked = world().convert(format.document, lock);
    REQUIRE(locked.ok());
    const std::string document = content_of(locked.path(format.name));
    OfficeJob open = loading(format.job, format.filter, format.name);
    CHECK(world().convert(document, open).failure() ==
          "input_encrypted: The document is protected by a password, and none was given");
    open.password = "sesame";
    CHECK(world().convert(document, open).failure() ==
          "input_encrypted: The document is protected by a password, and the one given does not open it");
    open.password = "open sesame";
    CHECK(world().convert(document, open).ok());
  }
}

TEST_CASE("A format that cannot be protected is refused rather than written in the open") {
  if (!possible()) return;
  OfficeJob job = storing(slide_job(), "MS PowerPoint 97", "result.ppt");
  job.output_password = "secret";
  const Outcome outcome = world().convert(flat::slides({flat::text_box("slide")}), job);
  CHECK(outcome.failure() == "engine_failed: LibreOffice cannot protect a document of this format by a password");
  CHECK_FALSE(std::filesystem::exists(outcome.path("result.ppt")));
}

TEST_CASE("The filter's data reaches the export") {
  if (!possible()) return;
  OfficeJob job = with(text_job(), {"EncryptFile", ValueKind::flag, "true"});
  job = with(job, {"DocumentOpenPassword", ValueKind::text, "secret"});
  const Outcome locked = world().convert(flat::pages(1), job);
  REQUIRE(locked.ok());
  CHECK(locked.info("Pages").empty());
  CHECK(has(locked.text("-upw secret"), "Page 1 begins"));
  const Outcome archive =
      world().convert(flat::pages(1), with(text_job(), {"SelectPdfVersion", ValueKind::number, "2"}));
  CHECK(has(content_of(archive.path()), "<pdfaid:part>2</pdfaid:part>"));
}

TEST_CASE("Damaged documents are refused") {
  if (!possible()) return;
  static const std::string refusal =
      "input_invalid: The document cannot be opened: it is damaged, or not of the type its name says";
  const Outcome stored = world().convert(flat::pages(1), storing(text_job(), "MS Word 2007 XML", "result.docx"));
  const std::string document = content_of(stored.path("result.docx"));
  const OfficeJob open = loading(text_job(), "MS Word 2007 XML", "cut.docx");
  CHECK(world().convert(document.substr(0, document.size() / 2), open).failure() == refusal);
  CHECK(world().convert("<html>not at all</html>", open).failure() == refusal);
}

TEST_CASE("Sheets are chosen by name or number") {
  if (!possible()) return;
  OfficeJob job = sheet_job();
  job.sheets = {"South"};
  Outcome outcome = world().convert(flat::sheets(three_sheets()), job);
  CHECK(outcome.info("Pages") == "1");
  // The formula still finds the sheet that is left out.
  CHECK(has(outcome.text(), "colder"));

  job.sheets = {"3", "1"};
  outcome = world().convert(flat::sheets(three_sheets()), job);
  CHECK(outcome.info("Pages") == "2");
  CHECK(has(outcome.text(), "snow"));
  CHECK(has(outcome.text(), "a year"));

  job.sheets = {"2024"};
  CHECK(has(world().convert(flat::sheets(three_sheets()), job).text(), "a year"));

  job.sheets = {"West"};
  CHECK(world().convert(flat::sheets(three_sheets()), job).failure() ==
        "input_invalid: The document has no sheet \"West\"; it has: North, South, 2024");
}

TEST_CASE("One page for each sheet, of the chosen ones") {
  if (!possible()) return;
  OfficeJob job = with(sheet_job(), {"SinglePageSheets", ValueKind::flag, "true"});
  CHECK(world().convert(flat::sheets(three_sheets()), job).info("Pages") == "3");
  job.sheets = {"South"};
  const Outcome outcome = world().convert(flat::sheets(three_sheets()), job);
  CHECK(outcome.info("Pages") == "1");
  CHECK(has(outcome.text(), "colder"));
}

TEST_CASE("A chosen sheet as CSV") {
  if (!possible()) return;
  OfficeJob job = storing(sheet_job(), "Text - txt - csv (StarCalc)", "result.csv");
  job.export_options = "44,34,76,1,,0,false,true,false,false,false,0";
  job.sheets = {"South"};
  CHECK(content_of(world().convert(flat::sheets(three_sheets()), job).path("result.csv")) == "warm,colder\n");
}

TEST_CASE("A workbook that is protected keeps all its sheets, and says so") {
  if (!possible()) return;
  std::string document = flat::sheets(three_sheets());
  const std::string start = "<office:spreadsheet>";
  document.replace(document.find(start), start.size(), "<office:spreadsheet table:structure-protected=\"true\">");
  OfficeJob job = sheet_job();
  job.sheets = {"South"};
  CHECK(has(world().convert(document, job).failure(), "engine_failed: The document is protected against changes"));
}

TEST_CASE("Slides are chosen, and hidden ones are not counted") {
  if (!possible()) return;
  const std::string document =
      flat::slides({flat::text_box("first"), "", flat::text_box("third"), flat::text_box("fourth")});
  Outcome outcome = world().convert(document, slide_job());
  CHECK(outcome.info("Pages") == "3");
  CHECK(outcome.all<OfficePages>().front().count == 3);
  CHECK(steps(outcome, OfficePhase::writing).back().done == 3);
  OfficeJob job = slide_job();
  job.sheets = {"Part 4", "1"};
  outcome = world().convert(document, job);
  CHECK(outcome.info("Pages") == "2");
  CHECK(has(outcome.text(), "first"));
  CHECK(has(outcome.text(), "fourth"));
}

TEST_CASE("A text has no sheets to choose from") {
  if (!possible()) return;
  OfficeJob job = text_job();
  job.sheets = {"1"};
  CHECK(world().convert(flat::pages(1), job).failure() == "input_invalid: The document has no sheets to choose from");
}

TEST_CASE("Tracked changes are shown or hidden") {
  if (!possible()) return;
  const std::string by =
      "<office:change-info><dc:creator>A</dc:creator><dc:date>2024-01-01T00:00:00</dc:date></office:change-info>";
  const std::string document =
      flat::text("<text:tracked-changes><text:changed-region text:id=\"d\"><text:deletion>" + by +
                 "<text:p>removed </text:p></text:deletion></text:changed-region></text:tracked-changes>"
                 "<text:p>before <text:change text:change-id=\"d\"/>after</text:p>");
  OfficeJob job = text_job();
  job.changes = TrackedChanges::shown;
  CHECK(has(world().convert(document, job).text(), "removed"));
  job.changes = TrackedChanges::hidden;
  const std::string hidden = world().convert(document, job).text();
  CHECK_FALSE(has(hidden, "removed"));
  CHECK(has(hidden, "before after"));
}

TEST_CASE("Indexes are brought up to date") {
  if (!possible()) return;
  std::string body =
      "<text:table-of-content text:name=\"Contents\"><text:table-of-content-source text:outline-level=\"2\"/>"
      "<text:index-body><text:p>out of date</text:p></text:index-body></text:table-of-content>";
  for (int chapter = 1; chapter <= 3; ++chapter)
    body +=
        "<text:p text:style-name=\"Break\"/><text:h text:style-name=\"Heading_20_1\" "
        "text:outline-level=\"1\">Chapter " +
        std::to_string(chapter) + "</text:h>";
  OfficeJob job = text_job();
  CHECK(has(world().convert(flat::text(body), job).text("-l 1"), "out of date"));
  job.update_indexes = true;
  const std::string contents = world().convert(flat::text(body), job).text("-l 1");
  CHECK_FALSE(has(contents, "out of date"));
  CHECK(has(contents, "Chapter 3"));
  CHECK(has(contents, "4"));
}

TEST_CASE("Links to elsewhere are told and never followed") {
  if (!possible()) return;
  const convd::loop::UniqueFd listener(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  REQUIRE(::bind(listener.get(), reinterpret_cast<sockaddr*>(&address), size) == 0);
  REQUIRE(::listen(listener.get(), 10) == 0);
  REQUIRE(::getsockname(listener.get(), reinterpret_cast<sockaddr*>(&address), &size) == 0);
  const std::string site = "http://127.0.0.1:" + std::to_string(ntohs(address.sin_port)) + "/";

  const auto frame = [](const std::string& element, const std::string& url) {
    return "<text:p><draw:frame svg:width=\"2cm\" svg:height=\"2cm\" text:anchor-type=\"as-char\"><draw:" + element +
           " xlink:href=\"" + url +
           "\" xlink:type=\"simple\" xlink:show=\"embed\" xlink:actuate=\"onLoad\"/></draw:frame></text:p>";
  };
  const Outcome outcome =
      world().convert(flat::text(frame("image", site + "a.png") + frame("image", "../beside.png") +
                                 frame("floating-frame", site + "f.html") +
                                 "<text:section text:name=\"S\"><text:section-source xlink:href=\"" + site +
                                 "s.odt\" xlink:type=\"simple\"/><text:p>x</text:p></text:section>"
                                 "<text:p><text:a xlink:type=\"simple\" xlink:href=\"" +
                                 site + "only-a-link\">link</text:a></text:p>"),
                      text_job());
  REQUIRE(outcome.ok());
  REQUIRE(outcome.all<OfficeLinks>().size() == 1);
  std::vector<std::string> blocked = outcome.all<OfficeLinks>().front().blocked;
  std::sort(blocked.begin(), blocked.end());
  CHECK(blocked == std::vector<std::string>{"../beside.png", site + "a.png", site + "f.html", site + "s.odt"});
  pollfd caller{listener.get(), POLLIN, 0};
  CHECK(::poll(&caller, 1, 0) == 0);
}

TEST_CASE("Links of a spreadsheet are told") {
  if (!possible()) return;
  const Outcome outcome = world().convert(
      flat::sheets(
          {{"A",
            {R"(<table:table-cell table:formula="of:='file:///nowhere/book.ods'#$A.A1" office:value-type="float" office:value="3"/>)"}}}),
      sheet_job());
  REQUIRE(outcome.all<OfficeLinks>().size() == 1);
  CHECK(outcome.all<OfficeLinks>().front().blocked == std::vector<std::string>{"file:///nowhere/book.ods"});
}

namespace {

std::vector<std::string> missing_in(const std::vector<OfficeFonts>& notes) {
  std::vector<std::string> names;
  for (const OfficeFonts& fonts : notes) {
    for (const auto& font : fonts.missing) names.push_back(font.name);
  }
  return names;
}

}  // namespace

TEST_CASE("A font that is not installed is told with the one that is used") {
  if (!possible()) return;
  for (const char* font : {"Optimus Princeps", "Times New Roman", "Courier New", "Georgia"}) {
    INFO(font);
    const std::string styles =
        "<style:style style:name=\"Named\" style:family=\"text\"><style:text-properties fo:font-family=\"" +
        std::string(font) + "\"/></style:style>";
    const std::string body = "<text:p><text:span text:style-name=\"Named\">words</text:span></text:p>";
    const Outcome outcome = world().convert(flat::text(body, styles), text_job());
    REQUIRE(outcome.all<OfficeFonts>().size() == 1);
    const OfficeFonts fonts = outcome.all<OfficeFonts>().front();
    CHECK(std::count(fonts.requested.begin(), fonts.requested.end(), font) == 1);
    for (const auto& missing : fonts.missing) {
      if (missing.name != font) continue;
      std::string used = missing.used;
      std::erase(used, ' ');
      INFO(used);
      INFO(outcome.fonts());
      CHECK(has(outcome.fonts(), "+" + used));
    }
  }
}

TEST_CASE("Fonts that are not installed are told, if the document needs them") {
  if (!possible()) return;
  const auto missing = [](const std::string& fonts, const std::string& words) {
    const std::string styles =
        "<style:style style:name=\"Named\" style:family=\"text\"><style:text-properties " + fonts + "/></style:style>";
    const std::string body = "<text:p><text:span text:style-name=\"Named\">" + words + "</text:span></text:p>";
    return missing_in(world().convert(flat::text(body, styles), text_job()).all<OfficeFonts>());
  };
  using Names = std::vector<std::string>;
  CHECK(missing("fo:font-family=\"DejaVu Sans\"", "words").empty());
  CHECK(missing("fo:font-family=\"Optimus Princeps\"", "words") == Names{"Optimus Princeps"});
  CHECK(missing("fo:font-family=\"Optimus Princeps, 'DejaVu Sans'\"", "words").empty());
  const std::string asian = "style:font-family-asian=\"Kaiti Nowhere\"";
  CHECK(missing(asian, "words").empty());
  CHECK(missing(asian, "\u6587\u66f8") == Names{"Kaiti Nowhere"});
}

TEST_CASE("Fonts of sheets and slides are told") {
  if (!possible()) return;
  const auto missing = [](const std::string& document, const OfficeJob& job) {
    const auto names = missing_in(world().convert(document, job).all<OfficeFonts>());
    return names.empty() ? "" : names.front();
  };
  std::string sheets = flat::sheets({{"A",
                                      {"<table:table-cell table:style-name=\"F\" "
                                       "office:value-type=\"string\"><text:p>x</text:p></table:table-cell>"}}});
  sheets.replace(
      sheets.find("<office:body>"), 0,
      "<office:automatic-styles><style:style style:name=\"F\" style:family=\"table-cell\">"
      "<style:text-properties fo:font-family=\"Optimus Princeps\"/></style:style></office:automatic-styles>");
  CHECK(missing(sheets, sheet_job()) == "Optimus Princeps");
  std::string slides = flat::slides({flat::text_box("<text:span text:style-name=\"F\">one</text:span> two")});
  slides.replace(slides.find("<style:page-layout"), 0,
                 "<style:style style:name=\"F\" style:family=\"text\">"
                 "<style:text-properties fo:font-family=\"Optimus Princeps\"/></style:style>");
  CHECK(missing(slides, slide_job()) == "Optimus Princeps");
}

TEST_CASE("The first page is shown early") {
  if (!possible()) return;
  // The first page is black, the second is white.
  const std::string black =
      R"(<style:style style:name="Black" style:family="graphic"><style:graphic-properties draw:fill="solid" draw:fill-color="#000000" style:wrap="run-through"/></style:style>)";
  const std::string document = flat::text(
      R"(<text:p>x<draw:rect draw:style-name="Black" text:anchor-type="paragraph" svg:x="-2cm" svg:y="-2cm" svg:width="21cm" svg:height="29.7cm"/></text:p>)"
      "<text:p text:style-name=\"Break\">second</text:p>",
      black);
  const auto brightness = [&](OfficeJob job) {
    job.early_page = true;
    const Outcome outcome = world().convert(document, job);
    REQUIRE(outcome.all<OfficeEarlyPage>().size() == 1);
    const OfficeEarlyPage told = outcome.all<OfficeEarlyPage>().front();
    const std::string path = outcome.path(std::string(early_page_name));
    CHECK(printed_by("vipsheader -f width " + path) == std::to_string(told.width) + "\n");
    CHECK(printed_by("vipsheader -f height " + path) == std::to_string(told.height) + "\n");
    CHECK(std::max(told.width, told.height) > 900);
    // Before the export.
    const auto is_writing = [](const OfficeNote& note) {
      const auto* step = std::get_if<OfficeStep>(&note);
      return step != nullptr && step->phase == OfficePhase::writing;
    };
    const auto writing = std::find_if(outcome.notes.begin(), outcome.notes.end(), is_writing);
    CHECK(std::any_of(outcome.notes.begin(), writing,
                      [](const OfficeNote& note) { return std::holds_alternative<OfficeEarlyPage>(note); }));
    return std::stod(printed_by("vips extract_band " + path + " " + path + ".v 0 && vips avg " + path + ".v"));
  };
  CHECK(brightness(text_job()) < 128);
  CHECK(brightness(with(text_job(), {"PageRange", ValueKind::text, "2-"})) > 200);
}

TEST_CASE("Every family has an early page") {
  if (!possible()) return;
  OfficeJob sheets = sheet_job();
  sheets.early_page = true;
  CHECK(world().convert(flat::sheets(three_sheets()), sheets).all<OfficeEarlyPage>().size() == 1);
  OfficeJob slides = slide_job();
  slides.early_page = true;
  const auto pages = world().convert(flat::slides({flat::text_box("slide")}), slides).all<OfficeEarlyPage>();
  REQUIRE(pages.size() == 1);
  CHECK(pages.front().width == 1000);
  CHECK(pages.front().height == 563);
}

namespace {

// Put together by qpdf, which leaves this mark behind the first line.
bool is_joined(const Outcome& outcome) {
  return has(content_of(outcome.path()).substr(0, 40), "\xbf\xf7\xa2\xfe");
}

std::string outline_of(const Outcome& outcome) {
  const std::string xml = printed_by("pdftohtml -xml -i -stdout " + outcome.path());
  const std::size_t start = xml.find("<outline>");
  return start == std::string::npos ? "" : xml.substr(start);
}

// So many rows that a sheet has some 17 pages.
flat::Sheet long_sheet(const std::string& name) {
  flat::Sheet sheet{name, {}};
  for (int row = 0; row < 900; ++row) sheet.rows.push_back(flat::cell(name + " " + std::to_string(row)));
  return sheet;
}

void check_same(const std::string& document, OfficeJob job) {
  const Outcome whole = world().convert(document, job);
  job.processes = 3;
  const Outcome joined = world().convert(document, job);
  REQUIRE(joined.ok());
  CHECK_FALSE(is_joined(whole));
  CHECK(is_joined(joined));
  CHECK(joined.info("Pages") == whole.info("Pages"));
  CHECK(joined.info("Producer") == whole.info("Producer"));
  CHECK(joined.text() == whole.text());
  CHECK_FALSE(outline_of(whole).empty());
  CHECK(outline_of(joined) == outline_of(whole));
  CHECK(printed_by("pdfinfo -url " + joined.path()) == printed_by("pdfinfo -url " + whole.path()));
  CHECK(std::distance(std::filesystem::directory_iterator(joined.out), {}) == 1);
  const auto told = steps(joined, OfficePhase::writing);
  CHECK(std::is_sorted(told.begin(), told.end(), [](const auto& a, const auto& b) { return a.done < b.done; }));
  CHECK(told.back().done == told.back().total);
  CHECK(std::to_string(told.back().total) == joined.info("Pages"));
}

bool is_divided(const std::string& document, OfficeJob job) {
  job.processes = 3;
  const Outcome outcome = world().convert(document, job);
  CHECK(outcome.ok());
  return is_joined(outcome);
}

}  // namespace

TEST_CASE("Long sheets by several processes are the same") {
  if (!possible()) return;
  flat::Sheet linked = long_sheet("South");
  linked.rows[700] = flat::cell("<text:a xlink:type=\"simple\" xlink:href=\"https://example.org/\">outside</text:a>");
  const std::string document = flat::sheets({long_sheet("North"), linked, long_sheet("West")});
  check_same(document, sheet_job());
  check_same(document, with(sheet_job(), {"PageRange", ValueKind::text, "3-45"}));
}

TEST_CASE("Many slides by several processes are the same") {
  if (!possible()) return;
  std::vector<std::string> slides;
  for (int slide = 1; slide <= 95; ++slide)
    slides.push_back(
        flat::text_box("Slide " + std::to_string(slide) +
                       " <text:a xlink:type=\"simple\" xlink:href=\"https://example.org/\">outside</text:a>"));
  check_same(flat::slides(slides), slide_job());
}

TEST_CASE("What would not be the same is exported in one go") {
  if (!possible()) return;
  const std::string sheets = flat::sheets({long_sheet("North"), long_sheet("South")});
  REQUIRE(is_divided(sheets, sheet_job()));
  CHECK_FALSE(is_divided(flat::sheets(three_sheets()), sheet_job()));
  CHECK_FALSE(is_divided(sheets, with(sheet_job(), {"SelectPdfVersion", ValueKind::number, "2"})));
  CHECK_FALSE(is_divided(sheets, with(sheet_job(), {"UseTaggedPDF", ValueKind::flag, "true"})));
  CHECK_FALSE(is_divided(sheets, with(with(sheet_job(), {"EncryptFile", ValueKind::flag, "true"}),
                                      {"DocumentOpenPassword", ValueKind::text, "secret"})));
  flat::Sheet linked = long_sheet("West");
  linked.rows[3] = flat::cell("<text:a xlink:type=\"simple\" xlink:href=\"#North.A1\">inside</text:a>");
  CHECK_FALSE(is_divided(flat::sheets({long_sheet("North"), linked}), sheet_job()));
  linked.rows[3] =
      R"-(<table:table-cell table:formula="of:=HYPERLINK(&quot;#North.A1&quot;;&quot;x&quot;)" office:value-type="string"/>)-";
  CHECK_FALSE(is_divided(flat::sheets({long_sheet("North"), linked}), sheet_job()));
  CHECK_FALSE(is_divided(flat::pages(95), text_job()));

  std::vector<std::string> slides(95, flat::text_box("Slide"));
  REQUIRE(is_divided(flat::slides(slides), slide_job()));
  slides[7] = flat::text_box("<text:a xlink:type=\"simple\" xlink:href=\"#page80\">inside</text:a>");
  CHECK_FALSE(is_divided(flat::slides(slides), slide_job()));
  slides[7] = "";  // hidden
  CHECK_FALSE(is_divided(flat::slides(slides), slide_job()));
}
