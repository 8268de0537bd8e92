#pragma once
// Small documents as flat OpenDocument, written down by the test that needs them.

#include <string>
#include <vector>

namespace tests::flat {

inline std::string document(const std::string& kind, const std::string& content) {
  return R"(<?xml version="1.0" encoding="UTF-8"?>
<office:document xmlns:office="urn:oasis:names:tc:opendocument:xmlns:office:1.0"
 xmlns:style="urn:oasis:names:tc:opendocument:xmlns:style:1.0" xmlns:text="urn:oasis:names:tc:opendocument:xmlns:text:1.0"
 xmlns:table="urn:oasis:names:tc:opendocument:xmlns:table:1.0" xmlns:draw="urn:oasis:names:tc:opendocument:xmlns:drawing:1.0"
 xmlns:fo="urn:oasis:names:tc:opendocument:xmlns:xsl-fo-compatible:1.0" xmlns:xlink="http://www.w3.org/1999/xlink"
 xmlns:svg="urn:oasis:names:tc:opendocument:xmlns:svg-compatible:1.0" xmlns:dc="http://purl.org/dc/elements/1.1/"
 xmlns:presentation="urn:oasis:names:tc:opendocument:xmlns:presentation:1.0" xmlns:of="urn:oasis:names:tc:opendocument:xmlns:of:1.2"
 office:version="1.3" office:mimetype="application/vnd.oasis.opendocument.)" +
         kind + "\">" + content + "</office:document>";
}

// `styles` are automatic ones; "Break" starts a new page.
inline std::string text(const std::string& body, const std::string& styles = "") {
  return document(
      "text",
      R"(<office:styles><style:style style:name="Heading_20_1" style:display-name="Heading 1" style:family="paragraph" style:default-outline-level="1"/>)"
      R"(<style:style style:name="Heading_20_2" style:display-name="Heading 2" style:family="paragraph" style:default-outline-level="2"/></office:styles>)"
      R"(<office:automatic-styles><style:style style:name="Break" style:family="paragraph"><style:paragraph-properties fo:break-before="page"/></style:style>)"
      R"(<style:page-layout style:name="P"><style:page-layout-properties fo:page-width="21cm" fo:page-height="29.7cm"/></style:page-layout>)" +
          styles +
          R"(</office:automatic-styles><office:master-styles><style:master-page style:name="Standard" style:page-layout-name="P"/></office:master-styles>)"
          "<office:body><office:text>" +
          body + "</office:text></office:body>");
}

// "Page 1 begins" ... each on a page of its own.
inline std::string pages(int count) {
  std::string body;
  for (int page = 1; page <= count; ++page)
    body += (page == 1 ? std::string("<text:p>") : std::string("<text:p text:style-name=\"Break\">")) + "Page " +
            std::to_string(page) + " begins</text:p>";
  return text(body);
}

struct Sheet {
  std::string name;
  std::vector<std::string> rows;  // what stands inside a row, cells as XML
};

inline std::string cell(const std::string& words) {
  return "<table:table-cell office:value-type=\"string\"><text:p>" + words + "</text:p></table:table-cell>";
}

inline std::string sheets(const std::vector<Sheet>& all) {
  std::string body;
  for (const Sheet& sheet : all) {
    body += "<table:table table:name=\"" + sheet.name + "\">";
    for (const std::string& row : sheet.rows) body += "<table:table-row>" + row + "</table:table-row>";
    body += "</table:table>";
  }
  return document("spreadsheet", "<office:body><office:spreadsheet>" + body + "</office:spreadsheet></office:body>");
}

// What stands on each slide, as shapes. A slide whose text is empty is hidden.
inline std::string slides(const std::vector<std::string>& all) {
  std::string body;
  int number = 0;
  for (const std::string& shapes : all) {
    body += "<draw:page draw:name=\"Part " + std::to_string(++number) + "\" draw:master-page-name=\"Default\"" +
            (shapes.empty() ? " draw:style-name=\"Hidden\"" : "") + ">" + shapes + "</draw:page>";
  }
  return document(
      "presentation",
      R"(<office:automatic-styles><style:style style:name="Hidden" style:family="drawing-page"><style:drawing-page-properties presentation:visibility="hidden"/></style:style>)"
      R"(<style:page-layout style:name="P"/></office:automatic-styles>)"
      R"(<office:master-styles><style:master-page style:name="Default" style:page-layout-name="P"/></office:master-styles>)"
      "<office:body><office:presentation>" +
          body + "</office:presentation></office:body>");
}

inline std::string text_box(const std::string& words) {
  return R"(<draw:frame svg:x="1cm" svg:y="1cm" svg:width="20cm" svg:height="3cm"><draw:text-box><text:p>)" + words +
         "</text:p></draw:text-box></draw:frame>";
}

}  // namespace tests::flat
