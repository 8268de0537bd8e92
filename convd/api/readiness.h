#pragma once
// The checks behind /readyz. Pure. Any thread.

#include <string>
#include <utility>
#include <vector>

namespace convd::api {

struct Check {
  std::string name;
  bool ok = true;
  std::string message;  // "ok", or what is wrong
};

// Every check there is, in its order, then problems of a name not listed here.
std::vector<Check> readiness(const std::vector<std::pair<std::string, std::string>>& problems);

// "[+] store: ok" or "[-] store: ...", one line each, and a last line with the verdict.
std::string readiness_text(const std::vector<Check>& checks);
// Only what is wrong.
std::string problems_text(const std::vector<Check>& checks);

}  // namespace convd::api
