#pragma once
// For whom something is counted. Any thread.

#include <string>

namespace convd::trust {

// Two orgs may have a principal of the same name, and neither shall be short of what the other has used up.
inline std::string account_of(const std::string& org, const std::string& principal) {
  return org + '\0' + principal;
}

}  // namespace convd::trust
