#pragma once
// A receipt for people: a block for the conversion and one for each attempt. Pure.

#include <string>

#include "shared/receipt.h"

namespace convctl {

// Lines without control characters, the last one ended too.
std::string receipt_text(const shared::Receipt& receipt);

}  // namespace convctl
