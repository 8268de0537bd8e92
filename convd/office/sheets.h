#pragma once
// Some sheets of a spreadsheet, or some slides of a presentation, instead of all. LibreOffice's thread only.

#include <string>
#include <vector>

#include "convd/office/transfer.h"

namespace convd::office {

// Whether what is left out may stay in the file, hidden, so that formulas keep what they refer to.
enum class LeftOut { hidden, removed };

// `wanted` are names or numbers from 1, in any order. Errors: input_invalid, with the
// ones there are; engine_failed, when the document does not let itself be changed. Throws css::uno::Exception.
shared::Result<void> choose_sheets(const Document& document, const std::vector<std::string>& wanted, LeftOut left_out);

}  // namespace convd::office
