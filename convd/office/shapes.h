#pragma once
// Every shape of a document, those in groups too. LibreOffice's thread only.

#include <com/sun/star/drawing/XShape.hpp>
#include <functional>

#include "convd/office/transfer.h"

namespace convd::office {

using Shape = Reference<css::drawing::XShape>;

// On the pages of a drawing or presentation, its masters, the sheets of a spreadsheet, or in a text. Throws
// css::uno::Exception.
void for_each_shape(const Document& document, const std::function<void(const Shape&)>& each);

}  // namespace convd::office
