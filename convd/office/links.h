#pragma once
// What a document would load from elsewhere if it were let: pictures, sections, sheets, objects, frames. LibreOffice's
// thread only.

#include <string>
#include <vector>

#include "convd/office/transfer.h"

namespace convd::office {

// The addresses, each once; at most a hundred. `source` is the file the document was loaded from; what stands relative
// to it is told relative. Throws css::uno::Exception.
std::vector<std::string> outside_links(const Lok::Inside& lok, const Document& document, const std::string& source);

}  // namespace convd::office
