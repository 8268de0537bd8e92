#pragma once
// The formats convd knows: one constant table, and those that engines.d adds to it. Any thread.

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "convd/inspect/claim.h"

namespace convd::engines {

using inspect::Magic;

struct Format {
  std::string_view name;  // "docx": the word in requests, and the extension of a result
  std::string_view media_type;
  Magic magic;
  std::string_view extensions;   // space separated, lower case, first is the usual one
  std::string_view title;        // for people
  std::string_view begins = {};  // Magic::given: what a file begins with; empty is anything
};

const std::vector<Format>& formats();
// By name or alias ("jpeg", "markdown", "tif", "htm"); case-insensitive.
const Format* find_format(std::string_view name);
// By the extension of a file name; case-insensitive.
const Format* format_of_filename(std::string_view filename);

// A format that somebody has declared.
struct FormatDeclaration {
  std::string name;
  std::string title;
  std::string media_type;
  std::vector<std::string> extensions;  // lower case, at least one
  std::string begins;                   // bytes; empty is anything
};

// The constant table and what was added to it, found in the same ways. A Format it has given lives as long as any copy
// of the table that has it.
class FormatTable {
 public:
  // The word (its name or one of its extensions) that already means another format; nothing is added then.
  std::optional<std::string> add(FormatDeclaration declaration);
  const Format* find(std::string_view name) const;
  const Format* of_filename(std::string_view filename) const;

 private:
  struct Added;
  const Format* added(std::string_view word) const;
  std::vector<std::shared_ptr<const Added>> added_;
};

// What a file of this format says it is.
inspect::Claim claim_of(const Format& format);

}  // namespace convd::engines
