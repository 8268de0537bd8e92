#pragma once
// Names of result files. The rule for names of documents is check_filename() in manager.h. Pure.

#include <string>
#include <string_view>

namespace convd::jobs {

// The file name without its last extension: UTF-8 kept, short enough for any suffix added here, never empty or hidden.
std::string result_stem(std::string_view filename);

// One of `count` results (`index` from 1): "report.pdf", or "report-1.png" when there are several.
std::string result_name(std::string_view stem, std::string_view extension, int index, int count);

}  // namespace convd::jobs
