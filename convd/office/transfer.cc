#include "convd/office/transfer.h"

#include <charconv>
#include <com/sun/star/document/MacroExecMode.hpp>
#include <com/sun/star/document/UpdateDocMode.hpp>
#include <com/sun/star/frame/XStorable.hpp>
#include <com/sun/star/task/ErrorCodeIOException.hpp>
#include <com/sun/star/util/XCloseable.hpp>
#include <rtl/ref.hxx>

#include "convd/office/questions.h"
#include "convd/office/settings.h"

namespace convd::office {
namespace {

using shared::Error;
using shared::ErrorCode;

NamedValues load_arguments(const process::OfficeJob& job, const Reference<css::task::XInteractionHandler>& questions,
                           const Steps& steps) {
  NamedValues arguments;
  // Without a window: the packages without a screen have no descriptions of their windows.
  arguments.add("Hidden", true).add("ReadOnly", true);
  arguments.add("MacroExecutionMode", sal_Int16{css::document::MacroExecMode::NEVER_EXECUTE});
  arguments.add("UpdateDocMode", sal_Int16{css::document::UpdateDocMode::NO_UPDATE});
  arguments.add("InteractionHandler", questions).add("StatusIndicator", make_indicator(steps));
  if (!job.import_filter.empty()) arguments.add_text("FilterName", job.import_filter);
  if (!job.import_options.empty()) arguments.add_text("FilterOptions", job.import_options);
  if (!job.password.empty()) arguments.add_text("Password", job.password);
  return arguments;
}

Error not_loaded(const process::OfficeJob& job, bool asked_for_password) {
  if (!asked_for_password)
    return {ErrorCode::input_invalid, "The document cannot be opened: it is damaged, or not of the type its name says",
            ""};
  if (job.password.empty())
    return {ErrorCode::input_encrypted, "The document is protected by a password, and none was given", ""};
  return {ErrorCode::input_encrypted, "The document is protected by a password, and the one given does not open it",
          ""};
}

NamedValues export_data(const process::OfficeJob& job) {
  NamedValues data;
  for (const process::FilterValue& entry : job.export_data) {
    sal_Int32 number = 0;
    switch (entry.kind) {
      case process::ValueKind::flag:
        data.add(entry.name, entry.value == "true");
        break;
      case process::ValueKind::number:
        std::from_chars(entry.value.data(), entry.value.data() + entry.value.size(), number);
        data.add(entry.name, number);
        break;
      case process::ValueKind::text:
        data.add_text(entry.name, entry.value);
        break;
    }
  }
  return data;
}

NamedValues store_arguments(const process::OfficeJob& job, const Steps& steps) {
  NamedValues arguments;
  arguments.add("Overwrite", true).add("StatusIndicator", make_indicator(steps));
  const Reference<css::task::XInteractionHandler> questions(new Questions);
  arguments.add("InteractionHandler", questions).add_text("FilterName", job.export_filter);
  if (!job.export_options.empty()) arguments.add_text("FilterOptions", job.export_options);
  if (!job.export_data.empty()) arguments.add("FilterData", export_data(job).sequence());
  if (!job.output_password.empty()) arguments.add_text("Password", job.output_password);
  return arguments;
}

}  // namespace

shared::Result<Document> load_document(const Lok::Inside& lok, const process::OfficeJob& job, const std::string& path,
                                       const Steps& steps) {
  const rtl::Reference<Questions> questions(new Questions);
  try {
    const auto document = lok.desktop->loadComponentFromURL(
        to_uno(file_url(path)), "_blank", 0,
        load_arguments(job, Reference<css::task::XInteractionHandler>(questions.get()), steps).sequence());
    if (document.is()) return document;
  } catch (const css::uno::Exception&) {
    // Which exception it is differs from filter to filter and says nothing to people.
  }
  return not_loaded(job, questions->asked_for_password());
}

shared::Result<void> store_document(const Document& document, const process::OfficeJob& job, const std::string& path,
                                    const Steps& steps) {
  std::string why;
  try {
    const Reference<css::frame::XStorable> storable(document, UNO_QUERY_THROW);
    storable->storeToURL(to_uno(file_url(path)), store_arguments(job, steps).sequence());
    return {};
  } catch (const css::task::ErrorCodeIOException& refusal) {
    why = " (error " + std::to_string(refusal.ErrCode) + ")";
  } catch (const css::uno::Exception&) {
  }
  return Error{ErrorCode::engine_failed, "LibreOffice cannot write this document in the wanted format" + why, ""};
}

shared::Result<void> close_document(const Document& document) {
  try {
    const Reference<css::util::XCloseable> closeable(document, UNO_QUERY_THROW);
    closeable->close(false);
    return {};
  } catch (const css::uno::Exception&) {
    return Error{ErrorCode::engine_failed, "A document of LibreOffice cannot be closed", ""};
  }
}

}  // namespace convd::office
