#pragma once
// A picture of the first page, long before a long export is done. LibreOffice's thread only.

#include <optional>
#include <string>

#include "convd/office/transfer.h"
#include "convd/process/office_wire.h"

namespace convd::office {

// Writes page `page` (from 1) of a document that has been laid out to `path`, whole or not at all. Nothing when this
// document has no such picture. Throws css::uno::Exception.
std::optional<process::OfficeEarlyPage> write_early_page(const Lok::Inside& lok, const Document& document,
                                                         std::int64_t page, const std::string& path);

}  // namespace convd::office
