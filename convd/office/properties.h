#pragma once
// Properties of UNO objects that may or may not have them. LibreOffice's thread only.

#include <com/sun/star/beans/XPropertySet.hpp>
#include <com/sun/star/container/XEnumerationAccess.hpp>
#include <com/sun/star/container/XIndexAccess.hpp>
#include <com/sun/star/container/XNameAccess.hpp>
#include <string>
#include <string_view>

#include "convd/office/uno.h"

namespace convd::office {

using Properties = Reference<css::beans::XPropertySet>;

// Nothing when the object has no such property, or does not tell.
inline Any property(const Properties& object, std::string_view name) {
  if (!object.is()) return {};
  try {
    return object->getPropertyValue(to_uno(name));
  } catch (const css::uno::Exception&) {
    return {};
  }
}
inline std::string text_property(const Properties& object, std::string_view name) {
  OUString text;
  property(object, name) >>= text;
  return from_uno(text);
}

// `each` is called with every element that is an Interface. A null container has none.
template <typename Interface, typename Each>
void for_each(const Reference<css::container::XIndexAccess>& container, const Each& each) {
  for (sal_Int32 i = 0; container.is() && i < container->getCount(); ++i) {
    const Reference<Interface> element(container->getByIndex(i), UNO_QUERY);
    if (element.is()) each(element);
  }
}
template <typename Interface, typename Each>
void for_each(const Reference<css::container::XNameAccess>& container, const Each& each) {
  if (!container.is()) return;
  const auto names = container->getElementNames();
  for (const OUString& name : names) {
    const Reference<Interface> element(container->getByName(name), UNO_QUERY);
    if (element.is()) each(element);
  }
}
template <typename Interface, typename Each>
void for_each(const Reference<css::container::XEnumerationAccess>& container, const Each& each) {
  if (!container.is()) return;
  for (const auto all = container->createEnumeration(); all.is() && all->hasMoreElements();) {
    const Reference<Interface> element(all->nextElement(), UNO_QUERY);
    if (element.is()) each(element);
  }
}

}  // namespace convd::office
