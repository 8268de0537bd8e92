#pragma once
// A document into LibreOffice and out of it again. LibreOffice's thread only.

#include <com/sun/star/lang/XComponent.hpp>
#include <string>

#include "convd/office/inside.h"
#include "convd/office/progress.h"
#include "convd/process/office_job.h"
#include "shared/result.h"

namespace convd::office {

using Document = Reference<css::lang::XComponent>;

// Whether the document is to be changed in a way that takes a file that may be written.
bool needs_editing(const process::OfficeJob& job);
// Errors: input_encrypted, input_invalid.
shared::Result<Document> load_document(const Lok::Inside& lok, const process::OfficeJob& job, const std::string& path,
                                       const Steps& steps);
// Errors: engine_failed.
shared::Result<void> store_document(const Document& document, const process::OfficeJob& job, const std::string& path,
                                    const Steps& steps);
// Errors: engine_failed, when it stays open. What is left of an open document would be in every child.
shared::Result<void> close_document(const Document& document);

}  // namespace convd::office
