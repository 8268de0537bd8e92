#pragma once
// How far a load or an export is, as LibreOffice counts it. LibreOffice's thread only.

#include <com/sun/star/task/XStatusIndicator.hpp>
#include <cstdint>
#include <functional>

#include "convd/office/uno.h"

namespace convd::office {

// `done` of `total`; the export of a PDF counts pages, everything else in steps of its own.
using Steps = std::function<void(std::int64_t done, std::int64_t total)>;

Reference<css::task::XStatusIndicator> make_indicator(Steps steps);

}  // namespace convd::office
