#pragma once
// What a spare child does before it has a document: small documents of our own, from loading to export, so that the
// memory which every document writes to is its own already.

#include <string>

#include "convd/office/lok.h"

namespace convd::office {

// In `directory`, which is empty. What goes wrong is left to the document that comes to find out.
void pre_touch(Lok& lok, const std::string& directory);

}  // namespace convd::office
