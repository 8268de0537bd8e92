#pragma once
// The engines of this build, one file each. Any thread.

#include <memory>
#include <string>
#include <vector>

#include "convd/engines/engine.h"

namespace convd::engines {

std::unique_ptr<Engine> make_libreoffice();
std::unique_ptr<Engine> make_pandoc();
std::unique_ptr<Engine> make_poppler();
// `program` is the absolute path of convd-layout.
std::unique_ptr<Engine> make_layout(std::string program);
std::unique_ptr<Engine> make_vips();
std::unique_ptr<Engine> make_rsvg();
std::unique_ptr<Engine> make_ffmpeg();

// All of them. `own_programs` is the directory of our own programs.
std::vector<std::unique_ptr<Engine>> builtin_engines(const std::string& own_programs);

}  // namespace convd::engines
