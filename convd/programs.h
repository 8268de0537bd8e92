#pragma once
// Where the programs that belong to convd are: beside the binary (build tree) or in libexec (installed).

#include <string>

namespace convd {

// The directory that holds convd-runner and convd-layout.
std::string own_program_directory();

}  // namespace convd
