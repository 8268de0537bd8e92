#pragma once
// Completion scripts, made from the command line itself. Pure. Any thread.

#include <CLI/CLI.hpp>
#include <string>

namespace convctl {

enum class Shell { bash, zsh, fish };
std::string completion_script(const CLI::App& app, Shell shell);

}  // namespace convctl
