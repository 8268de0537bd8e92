#pragma once
// Which fonts a document asks for that are not here. LibreOffice's thread only.

#include <set>
#include <string>
#include <vector>

#include "convd/office/transfer.h"

namespace convd::office {

// The families LibreOffice can draw with, in lower case. Throws css::uno::Exception.
std::set<std::string> installed_fonts(const Lok::Inside& lok);

// Families named by styles that are in use, by direct formatting and by the text of shapes, for scripts that occur in
// the document. A list such as "Optima;Arial" is missing when none of it is here. At most a hundred, sorted. Throws
// css::uno::Exception.
std::vector<std::string> missing_fonts(const Lok::Inside& lok, const Document& document);

}  // namespace convd::office
