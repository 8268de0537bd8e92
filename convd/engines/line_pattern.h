#pragma once
// Regular expressions of an administrator over the words of a program that a stranger's document may choose: matching
// takes time linear in the line, and only short lines are looked at. Any thread.

#include <cstddef>
#include <optional>
#include <regex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "shared/result.h"

namespace convd::engines {

class LinePattern {
 public:
  // Longer lines match nothing.
  static constexpr std::size_t most_line_bytes = 512;
  static constexpr std::size_t most_bytes = 256;

  // ECMAScript syntax without references back; groups "(?<name>...)" of the names in `known`, each once. Errors:
  // invalid_option; the message is what was expected.
  static shared::Result<LinePattern> compile(const std::string& text, const std::vector<std::string_view>& known = {});

  bool has(std::string_view group) const;

  // The named groups that took part, and their text.
  struct Match {
    std::vector<std::pair<std::string_view, std::string>> groups;
    std::optional<std::string> group(std::string_view name) const;
  };
  // Anywhere in the line; of several matches the last counts. The names live as long as the pattern.
  std::optional<Match> match(std::string_view line) const;

 private:
  LinePattern() = default;

  std::regex regex_;
  std::vector<std::string> names_;  // by number of the group, from 1; empty: a group without a name
};

}  // namespace convd::engines
