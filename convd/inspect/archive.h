#pragma once
// Whether a zip archive can be given to a program that unpacks it. Reads its directory and unpacks every entry once, to
// nowhere: what a directory says need not be true. Any thread.

#include <optional>
#include <string_view>

#include "convd/inspect/inspection.h"

namespace convd::inspect {

// The whole archive. Pictures in it are held to the limit of pixels, XML to `Doctype` of the claim's format. An archive
// within the archive is not looked into: no engine here unpacks it.
std::optional<shared::Error> check_archive(std::string_view bytes, const Inspection& inspection);

}  // namespace convd::inspect
