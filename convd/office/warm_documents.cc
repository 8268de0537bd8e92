#include "convd/office/warm_documents.h"

namespace convd::office {
namespace {

constexpr std::string_view head =
    R"(<office:document xmlns:office="urn:oasis:names:tc:opendocument:xmlns:office:1.0"
 xmlns:style="urn:oasis:names:tc:opendocument:xmlns:style:1.0" xmlns:text="urn:oasis:names:tc:opendocument:xmlns:text:1.0"
 xmlns:table="urn:oasis:names:tc:opendocument:xmlns:table:1.0" xmlns:draw="urn:oasis:names:tc:opendocument:xmlns:drawing:1.0"
 xmlns:fo="urn:oasis:names:tc:opendocument:xmlns:xsl-fo-compatible:1.0" xmlns:xlink="http://www.w3.org/1999/xlink"
 xmlns:svg="urn:oasis:names:tc:opendocument:xmlns:svg-compatible:1.0" xmlns:chart="urn:oasis:names:tc:opendocument:xmlns:chart:1.0"
 xmlns:presentation="urn:oasis:names:tc:opendocument:xmlns:presentation:1.0" xmlns:dc="http://purl.org/dc/elements/1.1/"
 xmlns:of="urn:oasis:names:tc:opendocument:xmlns:of:1.2" office:version="1.3" office:mimetype="application/vnd.oasis.opendocument.)";

constexpr std::string_view tail = "</office:body></office:document>";

// The faces most documents use or are given instead of their own.
constexpr std::string_view faces[] = {"Liberation Serif", "Liberation Sans", "Liberation Mono", "DejaVu Sans"};
constexpr std::string_view cuts[] = {"", R"( fo:font-weight="bold")", R"( fo:font-style="italic")",
                                     R"( fo:font-weight="bold" fo:font-style="italic")"};

// Text styles T0, T1 ...: each face in each cut.
std::string text_styles() {
  std::string styles;
  int number = 0;
  for (const auto face : faces) {
    for (const auto cut : cuts) {
      styles += "<style:style style:name=\"T" + std::to_string(number++) +
                R"(" style:family="text"><style:text-properties)" + std::string(cut) + " fo:font-family=\"'" +
                std::string(face) + "'\" fo:color=\"#203040\"/></style:style>";
    }
  }
  return styles;
}

std::string spans() {
  std::string text;
  for (int number = 0; number < 16; ++number)
    text += "<text:span text:style-name=\"T" + std::to_string(number) +
            "\">Words and 0123 figures, \u00e4\u20ac. </text:span>";
  return text;
}

constexpr std::string_view picture =
    R"(<draw:frame draw:name="Picture" svg:x="1cm" svg:y="7cm" svg:width="1cm" svg:height="1cm" text:anchor-type="paragraph">)"
    "<draw:image><office:binary-data>iVBORw0KGgoAAAANSUhEUgAAAAIAAAACCAIAAAD91JpzAAAAEElEQVR4nGM4YQMEJxggFAAjDgUByzHn"
    "ZAAAAABJRU5ErkJggg==</office:binary-data></draw:image></draw:frame>";

constexpr std::string_view shape =
    R"(<draw:rect svg:x="2cm" svg:y="9cm" svg:width="3cm" svg:height="1cm" text:anchor-type="paragraph"><text:p>Shape</text:p></draw:rect>)";

constexpr std::string_view small_table =
    R"(<table:table table:name="Table"><table:table-column table:number-columns-repeated="2"/><table:table-row>)"
    R"(<table:table-cell office:value-type="string"><text:p>Left</text:p></table:table-cell>)"
    R"(<table:table-cell office:value-type="string"><text:p>Right</text:p></table:table-cell></table:table-row></table:table>)";

std::string text_document() {
  return std::string(head) + "text\"><office:styles>" +
         R"(<style:style style:name="Heading_20_1" style:display-name="Heading 1" style:family="paragraph" style:default-outline-level="1">)"
         R"(<style:text-properties fo:font-size="20pt" fo:font-weight="bold"/></style:style></office:styles><office:automatic-styles>)" +
         text_styles() +
         R"(<style:page-layout style:name="P"><style:page-layout-properties fo:page-width="21cm" fo:page-height="29.7cm"/>)"
         R"(<style:header-style/><style:footer-style/></style:page-layout></office:automatic-styles><office:master-styles>)"
         R"(<style:master-page style:name="Standard" style:page-layout-name="P"><style:header><text:p>Header</text:p></style:header>)"
         R"(<style:footer><text:p>Page <text:page-number text:select-page="current">1</text:page-number></text:p></style:footer>)"
         R"(</style:master-page></office:master-styles><office:body><office:text>)"
         R"(<text:h text:style-name="Heading_20_1" text:outline-level="1">Heading</text:h><text:p>)" +
         std::string(picture) + std::string(shape) + spans() +
         R"(<text:a xlink:type="simple" xlink:href="https://example.org/">Link</text:a></text:p>)"
         R"(<text:list><text:list-item><text:p>Item</text:p></text:list-item></text:list>)" +
         std::string(small_table) +
         "<text:p>End<text:note text:note-class=\"footnote\"><text:note-citation>1"
         "</text:note-citation><text:note-body><text:p>Note</text:p></text:note-body></text:note></text:p></"
         "office:text>" +
         std::string(tail);
}

// A bar chart over the cells A1:B4.
std::string chart() {
  return R"(<table:shapes><draw:frame svg:x="8cm" svg:y="1cm" svg:width="8cm" svg:height="6cm"><draw:object draw:notify-on-update-of-ranges="Sheet.A1:Sheet.B4">)" +
         std::string(head) + "chart\"><office:automatic-styles>" +
         R"(<style:style style:name="c" style:family="chart"><style:chart-properties chart:include-hidden-cells="false"/></style:style>)"
         R"(</office:automatic-styles><office:body><office:chart><chart:chart svg:width="8cm" svg:height="6cm" chart:class="chart:bar" chart:style-name="c">)"
         R"(<chart:title><text:p>Chart</text:p></chart:title><chart:legend chart:legend-position="end"/>)"
         R"(<chart:plot-area table:cell-range-address="Sheet.A1:Sheet.B4" chart:data-source-has-labels="both">)"
         R"(<chart:axis chart:dimension="x" chart:name="primary-x"><chart:categories table:cell-range-address="Sheet.A2:Sheet.A4"/></chart:axis>)"
         R"(<chart:axis chart:dimension="y" chart:name="primary-y"><chart:grid chart:class="major"/></chart:axis>)"
         R"(<chart:series chart:values-cell-range-address="Sheet.B2:Sheet.B4" chart:label-cell-address="Sheet.B1" chart:class="chart:bar">)"
         R"(<chart:data-point chart:repeated="3"/></chart:series></chart:plot-area></chart:chart></office:chart></office:body></office:document>)"
         "</draw:object></draw:frame></table:shapes>";
}

std::string row(const std::string& label, const std::string& cell) {
  return R"(<table:table-row><table:table-cell office:value-type="string"><text:p>)" + label +
         "</text:p></table:table-cell>" + cell + "</table:table-row>";
}

std::string number(const std::string& value) {
  return R"(<table:table-cell office:value-type="float" office:value=")" + value + "\"><text:p>" + value +
         "</text:p></table:table-cell>";
}

std::string sheet_document() {
  const std::string sum =
      R"-(<table:table-cell table:formula="of:=SUM([.B2:.B4])*IF([.B2]&gt;1;1;ROUND([.B3];0))" office:value-type="float" office:value="6"/>)-";
  return std::string(head) + "spreadsheet\"><office:automatic-styles>" +
         R"(<style:style style:name="ta" style:family="table" style:master-page-name="Default"><style:table-properties table:display="true"/></style:style>)"
         R"(</office:automatic-styles><office:body><office:spreadsheet><table:table table:name="Sheet" table:style-name="ta">)" +
         chart() + "<table:table-column table:number-columns-repeated=\"2\"/>" +
         row("Name", R"(<table:table-cell office:value-type="string"><text:p>Value</text:p></table:table-cell>)") +
         row("One", number("1")) + row("Two", number("2")) + row("Three", number("3")) + row("Sum", sum) +
         "</table:table></office:spreadsheet>" + std::string(tail);
}

// Of a presentation and of a drawing.
std::string page_document(const std::string& kind, const std::string& size) {
  return std::string(head) + kind + "\"><office:automatic-styles>" + text_styles() +
         R"(<style:page-layout style:name="P"><style:page-layout-properties )" + size +
         R"(/></style:page-layout></office:automatic-styles><office:master-styles><style:master-page style:name="Default" style:page-layout-name="P"/>)"
         R"(</office:master-styles><office:body><office:)" +
         (kind == "graphics" ? "drawing" : kind) +
         R"(><draw:page draw:name="Page" draw:master-page-name="Default">)"
         R"(<draw:frame svg:x="1cm" svg:y="1cm" svg:width="14cm" svg:height="6cm"><draw:text-box><text:p>)" +
         spans() +
         R"(</text:p><text:list><text:list-item><text:p>Item</text:p></text:list-item></text:list></draw:text-box></draw:frame>)" +
         std::string(picture) + std::string(shape) +
         R"(<draw:frame svg:x="1cm" svg:y="10cm" svg:width="8cm" svg:height="1cm">)" + std::string(small_table) +
         "</draw:frame></draw:page></office:" + (kind == "graphics" ? "drawing" : kind) + ">" + std::string(tail);
}

}  // namespace

std::vector<WarmFamily> warm_families() {
  return {
      {"text",
       "OpenDocument Text Flat XML",
       text_document(),
       "writer_pdf_Export",
       "writer_png_Export",
       {{"docx", "MS Word 2007 XML", "", ""},
        {"doc", "MS Word 97", "", ""},
        {"rtf", "Rich Text Format", "", ""},
        {"odt", "writer8", "", ""},
        {"html", "HTML (StarWriter)", "", "EmbedImages"},
        {"txt", "Text (encoded)", "UTF8,LF,,,", "UTF8"}}},
      {"sheet",
       "OpenDocument Spreadsheet Flat XML",
       sheet_document(),
       "calc_pdf_Export",
       "calc_png_Export",
       {{"xlsx", "Calc MS Excel 2007 XML", "", ""},
        {"xls", "MS Excel 97", "", ""},
        {"ods", "calc8", "", ""},
        {"csv", "Text - txt - csv (StarCalc)", "44/59/9,34,76", "44,34,76,1,,0,false,true,false,false,false,0"}}},
      {"slides",
       "OpenDocument Presentation Flat XML",
       page_document("presentation", R"(fo:page-width="28cm" fo:page-height="15.75cm")"),
       "impress_pdf_Export",
       "impress_png_Export",
       {{"pptx", "Impress MS PowerPoint 2007 XML", "", ""},
        {"ppt", "MS PowerPoint 97", "", ""},
        {"odp", "impress8", "", ""}}},
      {"drawing",
       "OpenDocument Drawing Flat XML",
       page_document("graphics", R"(fo:page-width="21cm" fo:page-height="29.7cm")"),
       "draw_pdf_Export",
       "draw_png_Export",
       {{"odg", "draw8", "", ""}}},
  };
}

}  // namespace convd::office
