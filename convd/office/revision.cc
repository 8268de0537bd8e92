#include "convd/office/revision.h"

#include <com/sun/star/frame/DispatchHelper.hpp>
#include <com/sun/star/frame/XController.hpp>
#include <com/sun/star/frame/XDispatchProvider.hpp>
#include <com/sun/star/frame/XModel.hpp>
#include <com/sun/star/text/XDocumentIndexesSupplier.hpp>
#include <com/sun/star/text/XTextDocument.hpp>
#include <com/sun/star/text/XTextFieldsSupplier.hpp>
#include <com/sun/star/util/XRefreshable.hpp>

namespace convd::office {

void show_changes(const Lok::Inside& lok, const Document& document, process::TrackedChanges changes) {
  if (changes == process::TrackedChanges::as_saved) return;
  if (!Reference<css::text::XTextDocument>(document, UNO_QUERY).is()) return;
  const bool shown = changes == process::TrackedChanges::shown;
  // A command, because the document's property of that name does not reach the layout.
  const Reference<css::frame::XModel> model(document, UNO_QUERY_THROW);
  const Reference<css::frame::XDispatchProvider> frame(model->getCurrentController()->getFrame(), UNO_QUERY_THROW);
  NamedValues arguments;
  arguments.add("ShowTrackedChanges", shown);
  css::frame::DispatchHelper::create(lok.context)
      ->executeDispatch(frame, ".uno:ShowTrackedChanges", "", 0, arguments.sequence());
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
