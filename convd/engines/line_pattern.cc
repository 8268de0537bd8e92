#include "convd/engines/line_pattern.h"

#include <algorithm>

namespace convd::engines {
namespace {

using shared::Error;
using shared::ErrorCode;
using shared::Result;

// std::regex knows no names: they are taken out and counted.
struct Named {
  std::string text;
  std::vector<std::string> names;
};

Error wrong(std::string message) {
  return {ErrorCode::invalid_option, std::move(message), {}};
}

// libstdc++ reads numbers of any length, and what happens is undefined where they are too large.
std::optional<Error> overlong_number(std::string_view text) {
  constexpr std::size_t most_digits = 9;
  std::size_t digits = 0;
  for (const char c : text) {
    digits = c >= '0' && c <= '9' ? digits + 1 : 0;
    if (digits > most_digits) return wrong("numbers of at most 9 digits");
  }
  return std::nullopt;
}

Result<Named> take_names(std::string_view text, const std::vector<std::string_view>& known) {
  Named named;
  bool in_class = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    named.text += c;
    if (c == '\\' && i + 1 < text.size()) {
      named.text += text[++i];
    } else if (c == '[' || c == ']') {
      in_class = c == '[';
    } else if (c == '(' && !in_class && text.substr(i + 1, 2) == "?<") {
      const auto end = text.find('>', i);
      const std::string name(text.substr(i + 3, end == std::string_view::npos ? 0 : end - i - 3));
      if (std::find(known.begin(), known.end(), name) == known.end()) return wrong("no group \"" + name + "\"");
      if (std::find(named.names.begin(), named.names.end(), name) != named.names.end())
        return wrong("the group \"" + name + "\" once");
      named.names.push_back(name);
      i = end;
    } else if (c == '(' && !in_class && text.substr(i + 1, 1) != "?") {
      named.names.emplace_back();
    }
  }
  return named;
}

}  // namespace

Result<LinePattern> LinePattern::compile(const std::string& text, const std::vector<std::string_view>& known) {
  if (text.empty() || text.size() > most_bytes)
    return wrong("a regular expression of 1 to " + std::to_string(most_bytes) + " bytes");
  if (auto overlong = overlong_number(text)) return *std::move(overlong);
  auto named = take_names(text, known);
  if (!named) return named.error();
  LinePattern pattern;
  pattern.names_ = std::move(named->names);
  try {
    // The prefix makes a search of one pass; regex_search() would begin anew at every byte. The extension of libstdc++
    // has no backtracking.
    pattern.regex_.assign(".*?(?:" + named->text + ")", std::regex::ECMAScript | std::regex_constants::__polynomial);
  } catch (const std::regex_error& error) {
    return wrong(std::string("a regular expression (") + error.what() + ")");
  }
  return pattern;
}

bool LinePattern::has(std::string_view group) const {
  return std::find(names_.begin(), names_.end(), group) != names_.end();
}

std::optional<std::string> LinePattern::Match::group(std::string_view name) const {
  for (const auto& [known, text] : groups) {
    if (known == name) return text;
  }
  return std::nullopt;
}

std::optional<LinePattern::Match> LinePattern::match(std::string_view line) const {
  std::cmatch found;
  const bool matches =
      line.size() <= most_line_bytes &&
      std::regex_search(line.data(), line.data() + line.size(), found, regex_, std::regex_constants::match_continuous);
  if (!matches) return std::nullopt;
  Match match;
  for (std::size_t i = 0; i < names_.size() && i + 1 < found.size(); ++i) {
    if (!names_[i].empty() && found[i + 1].matched) match.groups.emplace_back(names_[i], found[i + 1].str());
  }
  return match;
}

}  // namespace convd::engines
