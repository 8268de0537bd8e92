#pragma once
// The locale of LibreOffice: it decides paper and number formats where a document does not. LibreOffice's thread only.

#include <string>

#include "convd/office/inside.h"

namespace convd::office {

// `bcp47` such as "de-DE"; empty is LibreOffice's own without any country: A4 paper. LibreOfficeKit starts with en-US.
// Throws css::uno::Exception.
void set_locale(const Lok::Inside& lok, const std::string& bcp47);

}  // namespace convd::office
