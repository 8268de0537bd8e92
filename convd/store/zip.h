#pragma once
// Zip files over libarchive, the only door to it. May block.

#include <string>
#include <vector>

#include "convd/loop/unique_fd.h"
#include "shared/result.h"

namespace convd::store {

struct ZipMember {
  std::string name;  // UTF-8, one file, no directory
  loop::UniqueFd fd;
};

// Writes a whole archive into the empty file `target`, members in the order given. What its name says is compressed
// already (png, jpg, docx, ...) is stored, the rest deflated. Errors: disk_full, unavailable.
shared::Result<void> write_zip(int target, const std::vector<ZipMember>& members);

}  // namespace convd::store
