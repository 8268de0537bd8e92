#include "convd/office/shapes.h"

#include <com/sun/star/drawing/XDrawPage.hpp>
#include <com/sun/star/drawing/XDrawPages.hpp>
#include <com/sun/star/drawing/XDrawPagesSupplier.hpp>
#include <com/sun/star/drawing/XMasterPagesSupplier.hpp>
#include <com/sun/star/drawing/XShapes.hpp>

#include "convd/office/properties.h"

namespace convd::office {
namespace {

using Container = Reference<css::container::XIndexAccess>;

constexpr int deepest_group = 32;

void walk(const Container& shapes, const std::function<void(const Shape&)>& each, int depth) {
  if (depth > deepest_group) return;
  for_each<css::drawing::XShape>(shapes, [&](const Shape& shape) {
    each(shape);
    const Reference<css::drawing::XShapes> group(shape, UNO_QUERY);
    if (group.is()) walk(Container(group, UNO_QUERY), each, depth + 1);
  });
}

void walk_pages(const Reference<css::drawing::XDrawPages>& pages, const std::function<void(const Shape&)>& each) {
  for_each<css::drawing::XDrawPage>(Container(pages, UNO_QUERY), [&](const Reference<css::drawing::XDrawPage>& page) {
    walk(Container(page, UNO_QUERY), each, 0);
  });
}

}  // namespace

void for_each_shape(const Document& document, const std::function<void(const Shape&)>& each) {
  const Reference<css::drawing::XDrawPagesSupplier> pages(document, UNO_QUERY);
  if (pages.is()) walk_pages(pages->getDrawPages(), each);
  const Reference<css::drawing::XMasterPagesSupplier> masters(document, UNO_QUERY);
  if (masters.is()) walk_pages(masters->getMasterPages(), each);
}

}  // namespace convd::office
