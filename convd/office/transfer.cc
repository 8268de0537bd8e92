#include "convd/office/transfer.h"

#include <algorithm>
#include <array>
#include <com/sun/star/beans/NamedValue.hpp>
#include <com/sun/star/document/MacroExecMode.hpp>
#include <com/sun/star/document/UpdateDocMode.hpp>
#include <com/sun/star/frame/XStorable.hpp>
#include <com/sun/star/task/ErrorCodeIOException.hpp>
#include <com/sun/star/util/XCloseable.hpp>
#include <rtl/ref.hxx>

#include "convd/office/layout.h"
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
  arguments.add("Hidden", true).add("ReadOnly", !needs_editing(job));
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

enum class Lock { none, package, office_xml };

// How a format is locked with a password. The others are written without one, and do not say so.
Lock lock_of(const std::string& filter) {
  static constexpr std::array<std::string_view, 6> packages{"writer8", "calc8",      "impress8",
                                                            "draw8",   "MS Word 97", "MS Excel 97"};
  static constexpr std::array<std::string_view, 3> office_xml{"MS Word 2007 XML", "Calc MS Excel 2007 XML",
                                                              "Impress MS PowerPoint 2007 XML"};
  if (std::find(packages.begin(), packages.end(), filter) != packages.end()) return Lock::package;
  return std::find(office_xml.begin(), office_xml.end(), filter) != office_xml.end() ? Lock::office_xml : Lock::none;
}

void add_password(NamedValues& arguments, const process::OfficeJob& job) {
  if (lock_of(job.export_filter) == Lock::package) {
    arguments.add_text("Password", job.output_password);
    return;
  }
  const std::array<css::beans::NamedValue, 2> encryption{
      {{"OOXPassword", Any(to_uno(job.output_password))}, {"CryptoType", Any(OUString("Standard"))}}};
  arguments.add("EncryptionData", Sequence<css::beans::NamedValue>(encryption.data(), 2));
}

NamedValues store_arguments(const process::OfficeJob& job, const Steps& steps) {
  NamedValues arguments;
  arguments.add("Overwrite", true).add("StatusIndicator", make_indicator(steps));
  const Reference<css::task::XInteractionHandler> questions(new Questions);
  arguments.add("InteractionHandler", questions).add_text("FilterName", job.export_filter);
  if (!job.export_options.empty()) arguments.add_text("FilterOptions", job.export_options);
  if (!job.export_data.empty()) arguments.add("FilterData", export_data(job).sequence());
  if (!job.output_password.empty()) add_password(arguments, job);
  return arguments;
}

}  // namespace

bool needs_editing(const process::OfficeJob& job) {
  return job.is_spreadsheet && !job.sheets.empty();
}

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
  if (!job.output_password.empty() && lock_of(job.export_filter) == Lock::none)
    return Error{ErrorCode::engine_failed, "LibreOffice cannot protect a document of this format by a password", ""};
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
