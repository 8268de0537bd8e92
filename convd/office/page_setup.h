#pragma once
// Turns the paper of a whole document. LibreOffice's thread only.

#include "convd/office/transfer.h"

namespace convd::office {

// Every page style, or every slide, that stands upright is laid on its side. Throws css::uno::Exception.
void set_landscape(const Document& document);

}  // namespace convd::office
