#pragma once
// The settings every LibreOffice run has: no macros, no links, no questions, nothing written back. Any thread.

#include <string>
#include <utility>
#include <vector>

#include "convd/process/child_spec.h"

namespace convd::engines {

// Goes into Command::env and Command::files; both are needed.
std::vector<std::pair<std::string, std::string>> libreoffice_environment();
std::vector<process::MadeFile> libreoffice_files();

}  // namespace convd::engines
