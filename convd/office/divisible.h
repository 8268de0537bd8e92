#pragma once
// Which long documents several processes may export side by side: those where the parts, put together, are what one
// export would have made. LibreOffice's thread only.

#include "convd/office/layout.h"

namespace convd::office {

// The number of parts that is worth it, at most job.processes; 1: in one go. The document has been laid out. Texts are
// never divided: their notes, references and indexes link across pages. Throws css::uno::Exception.
int parts_of(const Document& document, const process::OfficeJob& job, const Layout& layout);

}  // namespace convd::office
