// The parts of convd/office that are pure.

#include <fstream>

#include "convd/engines/libreoffice_profile.h"
#include "convd/office/lok.h"
#include "convd/office/markup.h"
#include "convd/office/page_range.h"
#include "convd/office/settings.h"
#include "tests/support/catch.h"
#include "tests/support/temp_directory.h"

using namespace convd::office;

using Words = std::vector<std::string>;
using Pages = std::vector<std::int64_t>;

TEST_CASE("A page range names pages that are there, each once") {
  CHECK(pages_of("", 3) == Pages{1, 2, 3});
  CHECK(pages_of("2", 3) == Pages{2});
  CHECK(pages_of("2-", 4) == Pages{2, 3, 4});
  CHECK(pages_of("-2", 4) == Pages{1, 2});
  CHECK(pages_of("5-6,1-2;2-3", 6) == Pages{1, 2, 3, 5, 6});
  CHECK(pages_of("3-99999", 4) == Pages{3, 4});
  CHECK(pages_of("7", 4).empty());
  CHECK(pages_of("nonsense", 4) == Pages{1});
  CHECK(range_of({1, 2, 3, 5, 7, 8}) == "1-3,5,7-8");
  CHECK(range_of({}).empty());
}

TEST_CASE("Relationships to elsewhere, but for hyperlinks and templates") {
  const std::string kind = "http://schemas.openxmlformats.org/officeDocument/2006/relationships/";
  CHECK(links_in_relationships("<Relationships><Relationship Id=\"a\" Type=\"" + kind +
                               "image\" Target=\"media/a.png\"/>"
                               "<Relationship Type=\"" +
                               kind +
                               "image\" Target=\"http://x/?a=1&amp;b=2\" TargetMode=\"External\"/>"
                               "<Relationship Type=\"" +
                               kind +
                               "hyperlink\" Target=\"http://y/\" TargetMode=\"External\"/>"
                               "<Relationship Type=\"" +
                               kind +
                               "attachedTemplate\" Target=\"file:///t\" TargetMode=\"External\"/>"
                               "<Relationship TargetMode='External' Target='\\\\server\\book.xlsx' Type='" +
                               kind + "externalLinkPath'/></Relationships>") ==
        Words{"http://x/?a=1&b=2", "\\\\server\\book.xlsx"});
  CHECK(links_in_relationships("<Relationship TargetMode=\"External\" Target=").empty());
}

TEST_CASE("OpenDocument names its own parts without a scheme") {
  CHECK(links_in_opendocument("<draw:image xlink:href=\"Pictures/a.png\"/><draw:object xlink:href=\"./Object 1\"/>"
                              "<draw:object xlink:href='http://x/o.ods'/><text:a xlink:href=\"http://link/\">l</text:a>"
                              "<draw:floating-frame xlink:href=\"../f.html\"/>") ==
        Words{"http://x/o.ods", "../f.html"});
}

TEST_CASE("HTML names pictures, frames and objects in any writing") {
  CHECK(links_in_html("<!doctype html><IMG SRC=a.png><iframe\nsrc=\"http://x/\"></iframe><object data='o'></object>"
                      "<a href=\"http://link/\">l</a><img data-src=\"no\"><img src=") ==
        Words{"a.png", "http://x/", "o"});
}

TEST_CASE("Paths as URLs") {
  CHECK(file_url("/tmp/a b/\xc3\xbc#1$.docx") == "file:///tmp/a%20b/%C3%BC%231%24.docx");
  CHECK(configuration_layers("/p/s.xcu") ==
        "xcsxcu:file:///etc/libreoffice/registry res:file:///etc/libreoffice/registry user:*file:///p/s.xcu");
}

TEST_CASE("The warm LibreOffice has every setting of the cold one") {
  std::string cold = convd::engines::libreoffice_files().front().content;
  const std::string warm = settings_text();
  int settings = 0;
  for (std::size_t at = 0; (at = cold.find("<item ", at)) != std::string::npos; ++settings) {
    const std::size_t end = cold.find("</item>", at);
    INFO(cold.substr(at, end - at));
    CHECK(warm.find(cold.substr(at, end - at)) != std::string::npos);
    at = end;
  }
  CHECK(settings > 5);
}

TEST_CASE("Where there is no LibreOffice none is started") {
  const tests::TempDirectory directory;
  const auto lok = Lok::start({directory / "profile", directory / "tmp", "/nowhere"});
  REQUIRE_FALSE(lok.ok());
  CHECK(lok.error().code == shared::ErrorCode::unavailable);
  CHECK(lok.error().message == "LibreOffice does not start");
  std::ofstream(directory / "file").put('x');
  CHECK(Lok::start({directory / "file", directory / "tmp"}).error().message ==
        "The profile directory of LibreOffice cannot be written");
}
