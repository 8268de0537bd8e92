// A regular expression of an administrator over a line of a stranger.

#include "convd/engines/line_pattern.h"

#include "tests/fuzz/input.h"

using convd::engines::LinePattern;

FUZZ_TARGET(input) {
  const std::string text(input.line());
  const auto pattern = LinePattern::compile(text, {"done", "total"});
  if (!pattern) {
    fuzz::must(!pattern.error().message.empty(), "a refusal says why");
    return;
  }
  fuzz::must(text.size() <= LinePattern::most_bytes, "no pattern is over its limit");
  const fuzz::Exact line(input.rest());
  const auto match = pattern->match(line.text());
  if (!match) return;
  fuzz::must(line.text().size() <= LinePattern::most_line_bytes, "no line over the limit is looked at");
  for (const auto& [name, found] : match->groups) {
    fuzz::must(pattern->has(name), "a group has a name of the pattern");
    fuzz::must(line.text().find(found) != line.text().npos, "a group is a part of the line");
  }
}
