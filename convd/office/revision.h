#pragma once
// What changes in a text document between loading and exporting it. LibreOffice's thread only.

#include "convd/office/transfer.h"
#include "convd/process/office_job.h"

namespace convd::office {

// Only text documents track changes in a way that can be shown or hidden; others stay as they are. Throws
// css::uno::Exception.
void show_changes(const Lok::Inside& lok, const Document& document, process::TrackedChanges changes);
// Tables of contents and other indexes, and fields, to what they are now. The document must have been laid out. Throws
// css::uno::Exception.
void update_indexes(const Document& document);

}  // namespace convd::office
