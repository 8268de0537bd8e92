#pragma once
// Reads the source of a document for what is named in it. LibreOffice's thread only.

#include <string>
#include <vector>

#include "convd/office/inside.h"

namespace convd::office {

// Links to elsewhere in the file at `path`, by its extension; only the first megabytes of each part are looked at.
// Nothing for a file that cannot be read so: LibreOffice will judge it.
std::vector<std::string> links_in_source(const Lok::Inside& lok, const std::string& path);

}  // namespace convd::office
