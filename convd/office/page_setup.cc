#include "convd/office/page_setup.h"

#include <com/sun/star/beans/XPropertySet.hpp>
#include <com/sun/star/container/XIndexAccess.hpp>
#include <com/sun/star/drawing/XDrawPagesSupplier.hpp>
#include <com/sun/star/drawing/XMasterPagesSupplier.hpp>
#include <com/sun/star/style/XStyleFamiliesSupplier.hpp>
#include <com/sun/star/view/PaperOrientation.hpp>

namespace convd::office {
namespace {

using Properties = Reference<css::beans::XPropertySet>;

sal_Int32 length(const Properties& page, const char* name) {
  sal_Int32 value = 0;
  page->getPropertyValue(OUString::createFromAscii(name)) >>= value;
  return value;
}

// Whether it stood upright.
bool turn(const Properties& page) {
  const sal_Int32 width = length(page, "Width");
  const sal_Int32 height = length(page, "Height");
  if (width >= height) return false;
  page->setPropertyValue("Width", Any(height));
  page->setPropertyValue("Height", Any(width));
  return true;
}

void turn_styles(const Reference<css::container::XIndexAccess>& styles) {
  for (sal_Int32 i = 0; i < styles->getCount(); ++i) {
    const Properties style(styles->getByIndex(i), UNO_QUERY_THROW);
    // Set first: the size alone would be an upright page that happens to be wide, which printers turn back.
    style->setPropertyValue("IsLandscape", Any(true));
    turn(style);
  }
}

void turn_pages(const Reference<css::container::XIndexAccess>& pages) {
  for (sal_Int32 i = 0; i < pages->getCount(); ++i) {
    const Properties page(pages->getByIndex(i), UNO_QUERY_THROW);
    if (turn(page)) page->setPropertyValue("Orientation", Any(css::view::PaperOrientation_LANDSCAPE));
  }
}

}  // namespace

void set_landscape(const Document& document) {
  const Reference<css::drawing::XMasterPagesSupplier> masters(document, UNO_QUERY);
  if (masters.is()) {
    turn_pages(Reference<css::container::XIndexAccess>(masters->getMasterPages(), UNO_QUERY_THROW));
    const Reference<css::drawing::XDrawPagesSupplier> pages(document, UNO_QUERY_THROW);
    turn_pages(Reference<css::container::XIndexAccess>(pages->getDrawPages(), UNO_QUERY_THROW));
    return;
  }
  const Reference<css::style::XStyleFamiliesSupplier> families(document, UNO_QUERY_THROW);
  turn_styles(
      Reference<css::container::XIndexAccess>(families->getStyleFamilies()->getByName("PageStyles"), UNO_QUERY_THROW));
}

}  // namespace convd::office
