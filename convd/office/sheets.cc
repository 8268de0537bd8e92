#include "convd/office/sheets.h"

#include <algorithm>
#include <charconv>
#include <com/sun/star/beans/XPropertySet.hpp>
#include <com/sun/star/container/XNamed.hpp>
#include <com/sun/star/drawing/XDrawPages.hpp>
#include <com/sun/star/drawing/XDrawPagesSupplier.hpp>
#include <com/sun/star/presentation/XPresentationSupplier.hpp>
#include <com/sun/star/sheet/XCalculatable.hpp>
#include <com/sun/star/sheet/XSpreadsheetDocument.hpp>

namespace convd::office {
namespace {

using Sheets = Reference<css::container::XIndexAccess>;

// Null for a document that has none.
Sheets sheets_of(const Document& document) {
  const Reference<css::sheet::XSpreadsheetDocument> book(document, UNO_QUERY);
  if (book.is()) return Sheets(book->getSheets(), UNO_QUERY_THROW);
  const Reference<css::presentation::XPresentationSupplier> presentation(document, UNO_QUERY);
  if (!presentation.is()) return {};
  return Sheets(Reference<css::drawing::XDrawPagesSupplier>(document, UNO_QUERY_THROW)->getDrawPages(),
                UNO_QUERY_THROW);
}

constexpr std::size_t names_told = 20;

std::string name_of(const Sheets& sheets, std::size_t index) {
  return from_uno(
      Reference<css::container::XNamed>(sheets->getByIndex(static_cast<sal_Int32>(index)), UNO_QUERY_THROW)->getName());
}

std::vector<std::string> names_of(const Sheets& sheets) {
  std::vector<std::string> names;
  for (std::size_t i = 0; i < static_cast<std::size_t>(sheets->getCount()); ++i) names.push_back(name_of(sheets, i));
  return names;
}

// A sheet may be called "2": its name goes before its number.
std::size_t index_of(const std::vector<std::string>& names, const std::string& wanted) {
  const auto named = std::find(names.begin(), names.end(), wanted);
  if (named != names.end()) return static_cast<std::size_t>(named - names.begin());
  std::size_t number = 0;
  const auto read = std::from_chars(wanted.data(), wanted.data() + wanted.size(), number);
  const bool whole = read.ec == std::errc() && read.ptr == wanted.data() + wanted.size();
  return whole && number >= 1 && number <= names.size() ? number - 1 : names.size();
}

shared::Error unknown(const std::string& wanted, const std::vector<std::string>& names) {
  std::string told;
  for (std::size_t i = 0; i < names.size() && i < names_told; ++i) told += (i == 0 ? "" : ", ") + names[i];
  if (names.size() > names_told) told += " and " + std::to_string(names.size() - names_told) + " more";
  return {shared::ErrorCode::input_invalid, "The document has no sheet \"" + wanted + "\"; it has: " + told, ""};
}

void set_visible(const Sheets& sheets, std::size_t index, const char* property, bool visible) {
  Reference<css::beans::XPropertySet>(sheets->getByIndex(static_cast<sal_Int32>(index)), UNO_QUERY_THROW)
      ->setPropertyValue(OUString::createFromAscii(property), Any(visible));
}

bool is_visible(const Sheets& sheets, std::size_t index, const char* property) {
  bool visible = true;
  Reference<css::beans::XPropertySet>(sheets->getByIndex(static_cast<sal_Int32>(index)), UNO_QUERY_THROW)
      ->getPropertyValue(OUString::createFromAscii(property)) >>= visible;
  return visible;
}

// What is wanted is shown first: one sheet must always be visible.
void hide(const Sheets& sheets, const std::vector<bool>& keep, const char* property) {
  for (const bool visible : {true, false}) {
    for (std::size_t i = 0; i < keep.size(); ++i) {
      if (keep[i] == visible) set_visible(sheets, i, property, visible);
    }
  }
}

// The cells keep the values they have now: what they refer to is going.
void remove(const Reference<css::sheet::XSpreadsheetDocument>& book, const std::vector<bool>& keep) {
  const Reference<css::sheet::XCalculatable> formulas(book, UNO_QUERY_THROW);
  formulas->calculate();
  formulas->enableAutomaticCalculation(false);
  const auto sheets = book->getSheets();
  const Sheets numbered(sheets, UNO_QUERY_THROW);
  for (std::size_t i = keep.size(); i-- > 0;) {
    if (!keep[i]) sheets->removeByName(to_uno(name_of(numbered, i)));
  }
}

}  // namespace

shared::Result<void> choose_sheets(const Document& document, const std::vector<std::string>& wanted, LeftOut left_out) {
  const Reference<css::sheet::XSpreadsheetDocument> book(document, UNO_QUERY);
  const Sheets sheets = sheets_of(document);
  if (!sheets.is())
    return shared::Error{shared::ErrorCode::input_invalid, "The document has no sheets to choose from", ""};
  const std::vector<std::string> names = names_of(sheets);
  std::vector<bool> keep(names.size());
  for (const std::string& each : wanted) {
    const std::size_t index = index_of(names, each);
    if (index == names.size()) return unknown(each, names);
    keep[index] = true;
  }
  const char* property = book.is() ? "IsVisible" : "Visible";
  hide(sheets, keep, property);
  for (std::size_t i = 0; i < keep.size(); ++i) {
    if (is_visible(sheets, i, property) != keep[i])
      return shared::Error{shared::ErrorCode::engine_failed,
                           "The document is protected against changes, so none of its sheets can be left out", ""};
  }
  if (book.is() && left_out == LeftOut::removed) remove(book, keep);
  return {};
}

}  // namespace convd::office
