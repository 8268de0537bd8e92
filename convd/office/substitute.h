#pragma once
// The only door to fontconfig: what stands in for a font that is not installed. LibreOffice asks the same library for
// it. LibreOffice's thread only.

#include <string>

namespace convd::office {

// The family used instead of one that is not installed, for Latin letters; empty when there is no font at all. Opens no
// file: what is installed has been read when LibreOffice started.
std::string substitute_of(const std::string& family);

}  // namespace convd::office
