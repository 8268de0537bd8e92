#include "convd/engines/described_engine.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <functional>
#include <utility>

#include "convd/engines/diagnosis.h"
#include "convd/engines/progress.h"

namespace convd::engines {
namespace {

using shared::Error;
using shared::ErrorCode;

constexpr std::size_t most_lines = 8;
constexpr std::size_t most_tail_bytes = 2048;

struct Placeholder {
  std::string_view name;
  std::string (*value)(const Task&);
};

constexpr std::array<Placeholder, 5> placeholders{{
    {"input", [](const Task& task) { return task.input; }},
    {"output_dir", [](const Task&) { return std::string("/out"); }},
    {"stem", [](const Task& task) { return task.stem; }},
    {"from", [](const Task& task) { return task.from; }},
    {"to", [](const Task& task) { return task.to; }},
}};

const Placeholder* placeholder(std::string_view name) {
  const auto row =
      std::find_if(placeholders.begin(), placeholders.end(), [&](const auto& p) { return p.name == name; });
  return row == placeholders.end() ? nullptr : &*row;
}

// Calls `text` for what stays as it is and `word` for the name of each placeholder.
void cut(std::string_view from, const std::function<void(std::string_view)>& text,
         const std::function<void(std::string_view)>& word) {
  constexpr std::string_view letters = "abcdefghijklmnopqrstuvwxyz_";
  while (!from.empty()) {
    const auto brace = std::min(from.find('{'), from.size());
    text(from.substr(0, brace));
    from.remove_prefix(brace);
    const auto end = std::min(from.find_first_not_of(letters, 1), from.size());
    if (from.substr(0, 2) == "{{") {
      text("{");
      from.remove_prefix(2);
    } else if (end > 1 && from.substr(end, 1) == "}") {
      word(from.substr(1, end - 1));
      from.remove_prefix(end + 1);
    } else {
      text(from.substr(0, 1));
      from.remove_prefix(std::min<std::size_t>(1, from.size()));
    }
  }
}

std::optional<std::int64_t> whole(const std::optional<std::string>& text) {
  std::int64_t number = 0;
  if (!text) return std::nullopt;
  const auto [end, problem] = std::from_chars(text->data(), text->data() + text->size(), number);
  if (problem != std::errc() || number < 0) return std::nullopt;
  return number;
}

// Looks at the last lines of what has arrived only: a program may print faster than patterns can be matched, and older
// progress is of no use.
class PatternReader final : public ProgressReader {
 public:
  explicit PatternReader(ProgressRule rule) : rule_(std::move(rule)) {}

  void feed(process::Stream stream, std::string_view bytes, const Report& report) override {
    if (rule_.stream && *rule_.stream != stream) return;
    newest_.clear();
    LineCutter& lines = stream == process::Stream::out ? out_ : err_;
    lines.feed(bytes, [this](std::string_view line) {
      if (newest_.size() < most_lines)
        newest_.emplace_back(line);
      else
        newest_[next_++ % most_lines] = line;
    });
    std::optional<Progress> progress;
    for (std::size_t i = 0; i < newest_.size(); ++i) {
      if (auto read_one = read(newest_[(next_ + i) % newest_.size()])) progress = std::move(read_one);
    }
    next_ = 0;
    if (progress) report(*progress);
  }

 private:
  std::optional<Progress> read(std::string_view line) const {
    const auto match = rule_.pattern.match(line);
    if (!match) return std::nullopt;
    Progress progress;
    if (const auto percent = whole(match->group("percent"))) {
      progress.done = std::min<std::int64_t>(*percent, 100);
      progress.total = 100;
      progress.unit = "percent";
      return progress;
    }
    const auto done = whole(match->group("done"));
    if (!done) return std::nullopt;
    progress.total = whole(match->group("total"));
    progress.done = progress.total ? std::min(*done, *progress.total) : *done;
    progress.unit = rule_.unit;
    return progress;
  }

  const ProgressRule rule_;
  LineCutter out_{LinePattern::most_line_bytes};
  LineCutter err_{LinePattern::most_line_bytes};
  std::vector<std::string> newest_;
  std::size_t next_ = 0;
};

bool any_line(const LinePattern& pattern, std::string_view text) {
  if (text.size() > most_tail_bytes) text.remove_prefix(text.size() - most_tail_bytes);
  bool found = false;
  LineCutter lines(LinePattern::most_line_bytes);
  const auto look = [&](std::string_view line) { found = found || pattern.match(line).has_value(); };
  lines.feed(text, look);
  lines.feed("\n", look);
  return found;
}

class DescribedEngine final : public Engine {
 public:
  explicit DescribedEngine(EngineDescription description) : is_(std::move(description)) {}

  std::string name() const override { return is_.name; }
  std::string title() const override { return is_.title; }
  std::string package() const override { return is_.package; }
  std::vector<std::string> programs() const override { return {is_.program}; }
  std::vector<std::string> needs() const override { return is_.files; }
  std::vector<std::string> read_only() const override { return is_.files; }
  std::vector<std::string> version_command() const override { return is_.version_command; }
  // With the mark of the file: what was made by another description of the same program is another result.
  std::string read_version(std::string_view printed) const override {
    const std::string version = version_after(printed, is_.version_after);
    return version.empty() ? is_.mark : version + " (" + is_.mark + ")";
  }
  std::vector<Edge> edges() const override { return is_.edges; }
  std::vector<OptionSpec> options() const override { return {}; }

  shared::Result<Command> command(const Task& task) const override {
    Command command;
    command.argv = {is_.program};
    for (const std::string& word : is_.args) command.argv.push_back(expand(word, task));
    for (const auto& [key, value] : is_.env) command.env.emplace_back(key, expand(value, task));
    command.read_only = is_.files;
    command.limits = is_.limits;
    command.outputs = expand(is_.outputs, task);
    if (is_.progress) command.progress = [rule = *is_.progress] { return std::make_unique<PatternReader>(rule); };
    return command;
  }

  std::optional<Error> diagnose(const Task&, const Ended& ended) const override {
    auto error = diagnose_run(is_.title, Trust::status_and_output, {}, ended);
    if (!error || (error->code != ErrorCode::engine_failed && error->code != ErrorCode::engine_crashed)) return error;
    for (const ErrorRule& rule : is_.errors) {
      if (!any_line(rule.pattern, ended.err_tail) && !any_line(rule.pattern, ended.out_tail)) continue;
      error->code = rule.code;
      error->message = is_.title + ": " + rule.message;
      break;
    }
    return error;
  }

 private:
  const EngineDescription is_;
};

}  // namespace

std::unique_ptr<Engine> make_described(const EngineDescription& description) {
  return std::make_unique<DescribedEngine>(description);
}

std::string expand(std::string_view text, const Task& task) {
  std::string expanded;
  cut(
      text, [&](std::string_view piece) { expanded += piece; },
      [&](std::string_view word) {
        if (const Placeholder* known = placeholder(word)) expanded += known->value(task);
      });
  return expanded;
}

std::optional<std::string> unknown_placeholder(std::string_view text) {
  std::optional<std::string> unknown;
  cut(
      text, [](std::string_view) {},
      [&](std::string_view word) {
        if (!unknown && placeholder(word) == nullptr) unknown = "{" + std::string(word) + "}";
      });
  return unknown;
}

}  // namespace convd::engines
