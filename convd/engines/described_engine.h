#pragma once
// An engine that an administrator has described in a file of engines.d, see convd-engines(5). Any thread.

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "convd/engines/engine.h"
#include "convd/engines/formats.h"
#include "convd/engines/line_pattern.h"

namespace convd::engines {

// What a matching line of the program's means.
struct ProgressRule {
  std::optional<process::Stream> stream;  // nothing: both
  LinePattern pattern;                    // with the groups done, total, percent
  std::string unit;                       // may be empty
};

struct ErrorRule {
  LinePattern pattern;
  shared::ErrorCode code = shared::ErrorCode::input_invalid;
  std::string message;  // for people
};

// Texts with placeholders have been checked: see expand().
struct EngineDescription {
  std::string mark;  // tells one state of the file from another: "upper.json 1a2b3c4d"
  std::string name;
  std::string title;
  std::string package;  // may be empty
  std::string program;
  std::vector<std::string> files;  // host paths shown to it
  std::vector<std::string> version_command;
  std::string version_after;
  std::vector<Edge> edges;
  std::vector<std::string> args;                         // with placeholders
  std::vector<std::pair<std::string, std::string>> env;  // with placeholders in the values
  process::Limits limits;
  std::string outputs;  // with placeholders
  std::optional<ProgressRule> progress;
  std::vector<ErrorRule> errors;  // the first that matches counts
};

// What all files of a directory say together.
struct Described {
  FormatTable formats;
  std::vector<EngineDescription> engines;
};

std::unique_ptr<Engine> make_described(const EngineDescription& description);

// "{input}", "{output_dir}", "{stem}", "{from}" and "{to}" are replaced, "{{" is a brace.
std::string expand(std::string_view text, const Task& task);
// The first "{word}" that expand() does not know.
std::optional<std::string> unknown_placeholder(std::string_view text);

}  // namespace convd::engines
