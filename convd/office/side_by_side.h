#pragma once
// One PDF by several processes: each exports a range of the pages of the document that is laid out already.
// LibreOffice's thread only.

#include <string>

#include "convd/office/layout.h"

namespace convd::office {

// Whether this process has one thread, or can have: locks that another one holds would stay locked in a fork.
bool can_fork(const Lok::Inside& lok);

// `parts` from parts_of(). False when it did not work out, which leaves nothing behind: export in one go then. Progress
// is that of all parts together.
bool store_side_by_side(const Lok::Inside& lok, const Document& document, const process::OfficeJob& job,
                        const Layout& layout, int parts, const std::string& workspace, const Steps& steps);

}  // namespace convd::office
