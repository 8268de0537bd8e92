#pragma once
// A multipart/form-data body whose last part is a file that is not read here. Pure. Any thread.

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace convctl {

struct Multipart {
  std::string content_type;
  std::string prefix;  // up to the first byte of the file
  std::string suffix;
};

// `boundary` must not occur in the file; a random one of 32 digits will not.
Multipart multipart(const std::vector<std::pair<std::string, std::string>>& fields, std::string_view filename,
                    const std::string& boundary);
std::string random_boundary();

}  // namespace convctl
