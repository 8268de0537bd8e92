#include "convd/office/divisible.h"

#include <algorithm>
#include <array>
#include <com/sun/star/drawing/XControlShape.hpp>
#include <com/sun/star/presentation/ClickAction.hpp>
#include <com/sun/star/presentation/XPresentationSupplier.hpp>
#include <com/sun/star/sheet/CellFlags.hpp>
#include <com/sun/star/sheet/XCellRangesQuery.hpp>
#include <com/sun/star/sheet/XSheetCellRanges.hpp>
#include <com/sun/star/sheet/XSpreadsheetDocument.hpp>
#include <com/sun/star/text/XText.hpp>
#include <com/sun/star/text/XTextFieldsSupplier.hpp>
#include <com/sun/star/util/XSearchDescriptor.hpp>
#include <com/sun/star/util/XSearchable.hpp>

#include "convd/office/properties.h"
#include "convd/office/shapes.h"

namespace convd::office {
namespace {

using Enumeration = Reference<css::container::XEnumerationAccess>;

// With fewer pages a part does not earn back its process, the joining, and the fonts it brings once more. A page of a
// sheet takes longer than a slide.
constexpr std::int64_t least_pages_of_sheets = 15;
constexpr std::int64_t least_slides = 30;

// All that may be said of an export whose parts can be joined; tags, archives, passwords and attachments cannot.
bool is_plain(const process::OfficeJob& job) {
  static constexpr std::array<std::string_view, 7> harmless{
      "PageRange",          "Quality",         "UseLosslessCompression", "ReduceImageResolution",
      "MaxImageResolution", "ExportBookmarks", "IsSkipEmptyPages"};
  return std::all_of(job.export_data.begin(), job.export_data.end(), [](const process::FilterValue& entry) {
    return std::find(harmless.begin(), harmless.end(), entry.name) != harmless.end();
  });
}

bool is_inside(const Properties& field) {
  const std::string url = text_property(field, "URL");
  return !url.empty() && url.front() == '#';
}

bool has_inside_links(const Reference<css::text::XText>& text) {
  bool found = false;
  for_each<css::container::XEnumerationAccess>(Enumeration(text, UNO_QUERY), [&](const Enumeration& paragraph) {
    for_each<css::beans::XPropertySet>(paragraph, [&](const Properties& portion) {
      Reference<css::beans::XPropertySet> field;
      property(portion, "TextField") >>= field;
      found = found || is_inside(field);
    });
  });
  return found;
}

// A control of a form, something that happens on a click, a link to another page.
bool leads_somewhere(const Shape& shape) {
  if (Reference<css::drawing::XControlShape>(shape, UNO_QUERY).is()) return true;
  const Properties properties(shape, UNO_QUERY);
  css::presentation::ClickAction action = css::presentation::ClickAction_NONE;
  property(properties, "OnClick") >>= action;
  const std::string link = text_property(properties, "Hyperlink");
  if (action != css::presentation::ClickAction_NONE || (!link.empty() && link.front() == '#')) return true;
  const Reference<css::text::XText> text(shape, UNO_QUERY);
  return text.is() && !text->getString().isEmpty() && has_inside_links(text);
}

bool any_shape_leads_somewhere(const Document& document) {
  bool found = false;
  for_each_shape(document, [&](const Shape& shape) { found = found || leads_somewhere(shape); });
  return found;
}

// Formulas can make links of anything.
bool has_link_formulas(const Reference<css::util::XSearchable>& sheet) {
  if (!sheet.is()) return true;
  const auto search = sheet->createSearchDescriptor();
  constexpr sal_Int16 in_formulas = 0;
  search->setPropertyValue("SearchType", Any(in_formulas));
  search->setSearchString("HYPERLINK(");
  return sheet->findFirst(search).is();
}

// Only cells with formatted text can hold a link.
bool has_link_cells(const Reference<css::sheet::XCellRangesQuery>& sheet) {
  if (!sheet.is()) return true;
  bool found = false;
  const auto cells = sheet->queryContentCells(css::sheet::CellFlags::FORMATTED)->getCells();
  for_each<css::text::XTextFieldsSupplier>(cells, [&](const Reference<css::text::XTextFieldsSupplier>& cell) {
    for_each<css::beans::XPropertySet>(cell->getTextFields(),
                                       [&](const Properties& field) { found = found || is_inside(field); });
  });
  return found;
}

bool sheets_link_to_each_other(const Reference<css::sheet::XSpreadsheetDocument>& book) {
  bool found = false;
  const Reference<css::container::XIndexAccess> sheets(book->getSheets(), UNO_QUERY);
  for_each<css::uno::XInterface>(sheets, [&](const Reference<css::uno::XInterface>& sheet) {
    found = found || has_link_formulas(Reference<css::util::XSearchable>(sheet, UNO_QUERY)) ||
            has_link_cells(Reference<css::sheet::XCellRangesQuery>(sheet, UNO_QUERY));
  });
  return found;
}

}  // namespace

int parts_of(const Document& document, const process::OfficeJob& job, const Layout& layout) {
  const Reference<css::sheet::XSpreadsheetDocument> book(document, UNO_QUERY);
  if (!book.is() && !Reference<css::presentation::XPresentationSupplier>(document, UNO_QUERY).is()) return 1;
  const auto pages = static_cast<std::int64_t>(layout.chosen.size());
  const std::int64_t parts =
      std::min<std::int64_t>(job.processes, pages / (book.is() ? least_pages_of_sheets : least_slides));
  // A part of hidden slides only would be no document.
  if (parts < 2 || !is_paged(job) || !is_plain(job) || layout.total() != pages) return 1;
  if ((book.is() && sheets_link_to_each_other(book)) || any_shape_leads_somewhere(document)) return 1;
  return static_cast<int>(parts);
}

}  // namespace convd::office
