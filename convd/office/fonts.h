#pragma once
// Which fonts a document asks for, and which of them are not here. LibreOffice's thread only.

#include <set>
#include <string>

#include "convd/office/transfer.h"
#include "convd/process/office_wire.h"

namespace convd::office {

// The families LibreOffice can draw with, in lower case. Throws css::uno::Exception.
std::set<std::string> installed_fonts(const Lok::Inside& lok);

// Families named by styles that are in use, by direct formatting and by the text of shapes. Of Asian and complex
// scripts those that occur in the document, and only where a family is missing. A list such as "Optima;Arial" is
// missing when none of it is here, and told by its first name. At most a hundred of each, sorted. Throws
// css::uno::Exception.
process::OfficeFonts fonts_of(const Lok::Inside& lok, const Document& document);

}  // namespace convd::office
