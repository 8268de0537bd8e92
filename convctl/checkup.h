#pragma once
// The lines of `convctl doctor`: its own and the daemon's. Pure. Any thread.

#include <string>
#include <vector>

#include "convctl/terminal.h"
#include "shared/finding.h"

namespace convctl {

class Checkup {
 public:
  void add(shared::Finding finding) { findings_.push_back(std::move(finding)); }
  // The "checks" of GET /v1/doctor. Throws Failure (protocol).
  void add_all(const shared::JsonReader& report);

  // No failure among them.
  bool is_healthy() const;

  enum class Show { all, troubles };
  // "OK    name: found; advice", one line each.
  std::string text(const Terminal& terminal, Show show) const;
  // An array, in the daemon's form.
  shared::Json json() const;

 private:
  std::vector<shared::Finding> findings_;
};

}  // namespace convctl
