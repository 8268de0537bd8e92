#pragma once
// Which fonts engines find on this machine: what a document looks like depends on them. May block for as long as the
// disk does. Any thread.

#include <cstdint>
#include <string>
#include <vector>

namespace convd::process {

// The directories that the sandbox shows to fontconfig: fonts, and what says which of them is used for which.
const std::vector<std::string>& font_directories();

struct FontSet {
  struct Directory {
    std::string path;
    std::int64_t changed_ns = 0;  // since the Unix epoch
    bool operator==(const Directory&) const = default;
  };
  std::string stamp;                   // another one when any file has come, gone or changed its size or time
  std::int64_t changed_ms = 0;         // when that was the last time, since the Unix epoch; 0 without any file
  std::vector<Directory> directories;  // all of them, for directories_changed()
};

// Looks at every file below `roots`; links to directories are not followed.
FontSet look_at_fonts(const std::vector<std::string>& roots);

// Whether a file has come or gone since: costs a fraction of another look. A file written over where it is goes unseen.
bool directories_changed(const FontSet& fonts);

}  // namespace convd::process
