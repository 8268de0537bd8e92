#pragma once
// Puts the parts of a PDF together, with their outlines. Any thread.

#include <string>
#include <vector>

namespace convd::office {

// The first part gives the document its properties. False when the parts are not what the parts of one document are:
// links between pages, an outline of more than one level, or one that leads nowhere.
bool join_pdfs(const std::vector<std::string>& parts, const std::string& path);

}  // namespace convd::office
