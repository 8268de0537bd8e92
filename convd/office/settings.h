#pragma once
// The settings of the warm LibreOffice: no macros, no links, no Java, no questions, nothing written back. Pure.

#include <string>

namespace convd::office {

// The registry file (.xcu), to be the user's layer.
std::string settings_text();
// The layers of the configuration, for the environment; the user's layer is read only.
std::string configuration_layers(const std::string& settings_path);
// A path as a file URL.
std::string file_url(const std::string& path);

}  // namespace convd::office
