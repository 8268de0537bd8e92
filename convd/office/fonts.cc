#include "convd/office/fonts.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <com/sun/star/awt/FontDescriptor.hpp>
#include <com/sun/star/beans/PropertyState.hpp>
#include <com/sun/star/beans/XPropertyState.hpp>
#include <com/sun/star/sheet/XSpreadsheetDocument.hpp>
#include <com/sun/star/sheet/XUniqueCellFormatRangesSupplier.hpp>
#include <com/sun/star/style/XAutoStyleFamily.hpp>
#include <com/sun/star/style/XAutoStylesSupplier.hpp>
#include <com/sun/star/style/XStyle.hpp>
#include <com/sun/star/style/XStyleFamiliesSupplier.hpp>
#include <com/sun/star/text/XText.hpp>
#include <com/sun/star/text/XTextDocument.hpp>
#include <com/sun/star/util/XSearchDescriptor.hpp>
#include <com/sun/star/util/XSearchable.hpp>
#include <cstdio>
#include <map>

#include "convd/office/properties.h"
#include "convd/office/shapes.h"
#include "convd/office/substitute.h"
#include "shared/utf8.h"

namespace convd::office {
namespace {

using Enumeration = Reference<css::container::XEnumerationAccess>;

constexpr std::size_t most_fonts = 100;

struct Letters {
  sal_Unicode first;
  sal_Unicode last;
};

// Every style names a font for each of these, mostly one that nobody has chosen and no text needs.
struct Script {
  std::string_view property;
  std::array<Letters, 3> letters;  // that need it; the end of a range belongs to it
};
constexpr std::array<Script, 3> scripts{
    {{"CharFontName", {{{0, 0xffff}, {0, 0}, {0, 0}}}},
     {"CharFontNameAsian", {{{0x2e80, 0x9fff}, {0xac00, 0xd7af}, {0xf900, 0xfaff}}}},
     {"CharFontNameComplex", {{{0x0590, 0x109f}, {0x1780, 0x17ff}, {0xfb1d, 0xfdff}}}}}};
constexpr std::size_t western = 0;  // everything has some of it

// "[\x{590}-\x{109f}...]", a regular expression.
std::string expression(const Script& script) {
  std::string text = "[";
  for (const Letters& letters : script.letters) {
    std::array<char, 40> range{};
    std::snprintf(range.data(), range.size(), "\\x{%x}-\\x{%x}", letters.first, letters.last);
    text += range.data();
  }
  return text + "]";
}

bool has_letters(const OUString& text, const Script& script) {
  return std::any_of(script.letters.begin(), script.letters.end(), [&](const Letters& letters) {
    return std::any_of(text.getStr(), text.getStr() + text.getLength(),
                       [&](sal_Unicode c) { return c >= letters.first && c <= letters.last; });
  });
}

std::string lower(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return out;
}

// The fonts asked for, for each script.
class Wanted {
 public:
  void add(const Properties& object) {
    for (std::size_t i = 0; i < scripts.size(); ++i) add(i, text_property(object, scripts[i].property));
  }
  void add(const Sequence<css::beans::PropertyValue>& values) {
    for (const auto& value : values) {
      for (std::size_t i = 0; i < scripts.size(); ++i) {
        OUString name;
        if (value.Name == to_uno(scripts[i].property) && (value.Value >>= name)) add(i, from_uno(name));
      }
    }
  }
  void add_text(const OUString& text) {
    for (std::size_t i = 0; i < scripts.size(); ++i) seen_[i] = seen_[i] || has_letters(text, scripts[i]);
  }
  const std::set<std::string>& of(std::size_t script) const { return names_[script]; }
  // In the texts added.
  bool has_seen(std::size_t script) const { return script == western || seen_[script]; }

 private:
  void add(std::size_t script, const std::string& name) {
    // "+mn-lt" is the theme's font, which nobody has to have.
    if (!name.empty() && name.front() != '+') names_[script].insert(name);
  }
  std::array<std::set<std::string>, scripts.size()> names_;
  std::array<bool, scripts.size()> seen_{};
};

void add_styles(const Document& document, Wanted& wanted) {
  const Reference<css::style::XStyleFamiliesSupplier> supplier(document, UNO_QUERY);
  if (!supplier.is()) return;
  for_each<css::container::XNameAccess>(
      supplier->getStyleFamilies(), [&](const Reference<css::container::XNameAccess>& family) {
        for_each<css::style::XStyle>(family, [&](const Reference<css::style::XStyle>& style) {
          if (style->isInUse()) wanted.add(Properties(style, UNO_QUERY));
        });
      });
}

// Direct formatting in texts.
void add_automatic_styles(const Document& document, Wanted& wanted) {
  const Reference<css::style::XAutoStylesSupplier> supplier(document, UNO_QUERY);
  if (!supplier.is()) return;
  const Reference<css::container::XNameAccess> families(supplier->getAutoStyles(), UNO_QUERY);
  for_each<css::style::XAutoStyleFamily>(families, [&](const Reference<css::style::XAutoStyleFamily>& family) {
    for_each<css::style::XAutoStyle>(
        Enumeration(family, UNO_QUERY),
        [&](const Reference<css::style::XAutoStyle>& style) { wanted.add(style->getProperties()); });
  });
}

void add_cells(const Document& document, Wanted& wanted) {
  const Reference<css::sheet::XSpreadsheetDocument> book(document, UNO_QUERY);
  if (!book.is()) return;
  const Reference<css::container::XIndexAccess> sheets(book->getSheets(), UNO_QUERY);
  for_each<css::sheet::XUniqueCellFormatRangesSupplier>(
      sheets, [&](const Reference<css::sheet::XUniqueCellFormatRangesSupplier>& sheet) {
        for_each<css::beans::XPropertySet>(sheet->getUniqueCellFormatRanges(),
                                           [&](const Properties& cells) { wanted.add(cells); });
      });
}

bool is_mixed(const Reference<css::text::XTextCursor>& range) {
  const Reference<css::beans::XPropertyState> state(range, UNO_QUERY);
  return !state.is() || std::any_of(scripts.begin(), scripts.end(), [&](const Script& script) {
    return state->getPropertyState(to_uno(script.property)) == css::beans::PropertyState_AMBIGUOUS_VALUE;
  });
}

void add_shape(const Shape& shape, Wanted& wanted) {
  const Reference<css::text::XText> text(shape, UNO_QUERY);
  if (!text.is() || text->getString().isEmpty()) return;
  wanted.add_text(text->getString());
  const auto range = text->createTextCursor();
  range->gotoEnd(true);
  wanted.add(Properties(range, UNO_QUERY));
  // Only where one answer for the whole text is not enough: this is slow.
  if (!is_mixed(range)) return;
  for_each<css::container::XEnumerationAccess>(Enumeration(text, UNO_QUERY), [&](const Enumeration& paragraph) {
    for_each<css::beans::XPropertySet>(paragraph, [&](const Properties& portion) { wanted.add(portion); });
  });
}

bool finds(const Reference<css::util::XSearchable>& text, const Script& script) {
  if (!text.is()) return false;
  const auto search = text->createSearchDescriptor();
  search->setPropertyValue("SearchRegularExpression", Any(true));
  search->setSearchString(to_uno(expression(script)));
  return text->findFirst(search).is();
}

// Whether a text or a sheet has letters of a script. Slides cannot be searched like this; their text is in the shapes.
bool occurs(const Document& document, const Script& script) {
  if (Reference<css::text::XTextDocument>(document, UNO_QUERY).is())
    return finds(Reference<css::util::XSearchable>(document, UNO_QUERY), script);
  bool found = false;
  const Reference<css::sheet::XSpreadsheetDocument> book(document, UNO_QUERY);
  if (!book.is()) return false;
  for_each<css::util::XSearchable>(
      Reference<css::container::XIndexAccess>(book->getSheets(), UNO_QUERY),
      [&](const Reference<css::util::XSearchable>& sheet) { found = found || finds(sheet, script); });
  return found;
}

// "Optima;Arial": whichever is here will do.
bool is_installed(const std::set<std::string>& installed, const std::string& names) {
  for (std::size_t start = 0; start <= names.size();) {
    const std::size_t end = std::min(names.find(';', start), names.size());
    if (installed.count(lower(names.substr(start, end - start))) > 0) return true;
    start = end + 1;
  }
  return false;
}

// Of a list; no longer than makes two hundred of them fit into a note.
std::string first_of(const std::string& names) {
  constexpr std::size_t most_bytes = 100;
  std::string name = names.substr(0, std::min(names.find(';'), most_bytes));
  while (!shared::is_utf8(name)) name.pop_back();
  return name;
}

// With the first of the scripts it is named for.
using Names = std::map<std::string, std::size_t>;

}  // namespace

std::set<std::string> installed_fonts(const Lok::Inside& lok) {
  std::set<std::string> names;
  for (const css::awt::FontDescriptor& font : lok.device->getFontDescriptors())
    names.insert(lower(from_uno(font.Name)));
  return names;
}

process::OfficeFonts fonts_of(const Lok::Inside& lok, const Document& document) {
  Wanted wanted;
  add_styles(document, wanted);
  add_automatic_styles(document, wanted);
  add_cells(document, wanted);
  for_each_shape(document, [&](const Shape& shape) { add_shape(shape, wanted); });
  Names requested;
  Names missing;
  for (std::size_t i = 0; i < scripts.size(); ++i) {
    std::set<std::string> absent = wanted.of(i);
    std::erase_if(absent, [&](const std::string& names) { return is_installed(lok.fonts, names); });
    // Whether a script occurs is asked only where it matters: this is slow.
    if (i != western && (absent.empty() || !(wanted.has_seen(i) || occurs(document, scripts[i])))) continue;
    for (const std::string& names : wanted.of(i)) requested.emplace(first_of(names), i);
    for (const std::string& names : absent) missing.emplace(first_of(names), i);
  }
  process::OfficeFonts fonts;
  for (const auto& [name, script] : requested) {
    if (fonts.requested.size() < most_fonts) fonts.requested.push_back(name);
  }
  for (const auto& [name, script] : missing) {
    // For other scripts it depends on the letters which font has them.
    if (fonts.missing.size() < most_fonts)
      fonts.missing.push_back({name, script == western ? substitute_of(name) : std::string()});
  }
  return fonts;
}

}  // namespace convd::office
