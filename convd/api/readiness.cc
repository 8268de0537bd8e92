#include "convd/api/readiness.h"

#include <algorithm>

namespace convd::api {
namespace {

std::string check_line(const Check& check) {
  return std::string(check.ok ? "[+] " : "[-] ") + check.name + ": " + check.message + "\n";
}

bool all_ok(const std::vector<Check>& checks) {
  return std::all_of(checks.begin(), checks.end(), [](const Check& check) { return check.ok; });
}

}  // namespace

std::vector<Check> readiness(const std::vector<std::pair<std::string, std::string>>& problems) {
  std::vector<Check> checks;
  for (const char* name : {"store", "files", "uploads", "runner", "sandbox", "disk", "draining"})
    checks.push_back({name, true, "ok"});
  for (const auto& [name, message] : problems) {
    auto found =
        std::find_if(checks.begin(), checks.end(), [&](const Check& check) { return check.name == name && check.ok; });
    if (found == checks.end())
      checks.push_back({name, false, message});
    else
      *found = {name, false, message};
  }
  return checks;
}

std::string readiness_text(const std::vector<Check>& checks) {
  std::string text;
  for (const Check& check : checks) text += check_line(check);
  return text + (all_ok(checks) ? "ready\n" : "not ready\n");
}

std::string problems_text(const std::vector<Check>& checks) {
  std::string text;
  for (const Check& check : checks) {
    if (!check.ok) text += check_line(check);
  }
  return text;
}

}  // namespace convd::api
