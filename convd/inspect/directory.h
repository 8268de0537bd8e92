#pragma once
// The directory of a zip archive, with Zip64, read without trusting it. Any thread.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "shared/result.h"

namespace convd::inspect {

enum class Packing : std::uint64_t { stored = 0, deflated = 8 };

struct Entry {
  std::string_view name;
  std::string_view packed;  // its bytes in the archive
  std::uint64_t size = 0;   // unpacked, as the directory says
  std::uint64_t packing = 0;
  std::uint64_t start = 0;  // where its local header lies
  std::uint64_t end = 0;    // behind its bytes
};

// The entries, each within the archive and beside the others, under the name that stands before its bytes too.
// `most`: how many; 0 is any number. Errors: input_invalid, input_too_large.
shared::Result<std::vector<Entry>> read_directory(std::string_view archive, std::uint64_t most);

}  // namespace convd::inspect
