#pragma once
// Everything conversions commonly need, used once before the first fork. LibreOffice's thread only.

#include "convd/office/inside.h"

namespace convd::office {

// Connects to LibreOffice, then loads and stores small documents of every family. Errors: unavailable, with the one
// that failed: what it has left behind would be in every child.
shared::Result<void> warm_up(Lok::Inside& lok);

}  // namespace convd::office
