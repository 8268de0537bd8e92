#include "convd/office/revision.h"

#include <com/sun/star/beans/XPropertySet.hpp>
#include <com/sun/star/text/XDocumentIndexesSupplier.hpp>
#include <com/sun/star/text/XTextDocument.hpp>
#include <com/sun/star/text/XTextFieldsSupplier.hpp>
#include <com/sun/star/util/XRefreshable.hpp>

namespace convd::office {

void show_changes(const Document& document, process::TrackedChanges changes) {
  if (changes == process::TrackedChanges::as_saved) return;
  if (!Reference<css::text::XTextDocument>(document, UNO_QUERY).is()) return;
  const Reference<css::beans::XPropertySet> properties(document, UNO_QUERY_THROW);
  properties->setPropertyValue("ShowChanges", Any(changes == process::TrackedChanges::shown));
}

void update_indexes(const Document& document) {
  const Reference<css::text::XTextFieldsSupplier> fields(document, UNO_QUERY);
  if (fields.is()) {
    const Reference<css::util::XRefreshable> all(fields->getTextFields(), UNO_QUERY);
    if (all.is()) all->refresh();
  }
  const Reference<css::text::XDocumentIndexesSupplier> supplier(document, UNO_QUERY);
  if (!supplier.is()) return;
  const auto indexes = supplier->getDocumentIndexes();
  for (sal_Int32 i = 0; i < indexes->getCount(); ++i) {
    Reference<css::util::XRefreshable>(indexes->getByIndex(i), UNO_QUERY_THROW)->refresh();
  }
}

}  // namespace convd::office
