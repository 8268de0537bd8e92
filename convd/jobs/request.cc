#include "convd/jobs/request.h"

#include <algorithm>
#include <array>
#include <utility>

#include "convd/engines/formats.h"
#include "convd/jobs/step_options.h"
#include "shared/utf8.h"

namespace convd::jobs {
namespace {

using shared::Error;
using shared::ErrorCode;
using shared::Result;

struct PromptMode {
  std::string_view name;
  std::string_view to;
};
constexpr std::array<PromptMode, 3> prompt_table{{
    {"prompt_layout_all_en", "md"},
    {"prompt_layout_only_en", "json"},
    {"prompt_ocr", "txt"},
}};

constexpr std::size_t most_labels = 32;
constexpr std::size_t most_label_key_bytes = 63;
constexpr std::size_t most_label_value_bytes = 255;
constexpr std::int64_t day_ms = 86'400'000;

std::string join(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "" : ", ") + word;
  return text;
}

Error unsupported(std::string message) {
  return {ErrorCode::unsupported_conversion, std::move(message), {}};
}

Error invalid(std::string message) {
  return {ErrorCode::invalid_option, std::move(message), {}};
}

Result<std::string> source_format(const Planner& planner, const Submission& submission) {
  const bool given = submission.from.has_value();
  const engines::Format* format =
      given ? planner.formats().find(*submission.from) : planner.formats().of_filename(submission.filename);
  if (format != nullptr) return std::string(format->name);
  const std::string known = "; known are " + join(planner.sources());
  if (given) return unsupported("unknown source format \"" + *submission.from + "\"" + known);
  return unsupported("the format of \"" + submission.filename + "\" cannot be told from its name; say it with `from`" +
                     known);
}

Result<const PromptMode*> prompt_mode(const Submission& submission) {
  if (!submission.prompt_mode) return static_cast<const PromptMode*>(nullptr);
  for (const PromptMode& mode : prompt_table) {
    if (mode.name == *submission.prompt_mode) return &mode;
  }
  return invalid("unknown prompt_mode \"" + *submission.prompt_mode + "\"; known are " + join(prompt_modes()));
}

Result<std::string> target_format(const Planner& planner, const Submission& submission, const std::string& from) {
  const auto mode = prompt_mode(submission);
  if (!mode) return mode.error();
  if (!submission.to) {
    if (*mode != nullptr) return std::string((*mode)->to);
    return std::string(from == "pdf" ? "md" : "pdf");
  }
  const engines::Format* format = planner.formats().find(*submission.to);
  if (format == nullptr) {
    return unsupported("unknown target format \"" + *submission.to + "\"; from " + from + " there is " +
                       join(planner.targets(from)));
  }
  if (*mode != nullptr && format->name != (*mode)->to) {
    return invalid("prompt_mode \"" + std::string((*mode)->name) + "\" makes " + std::string((*mode)->to) + ", not " +
                   std::string(format->name) + "; leave out one of prompt_mode and to");
  }
  return std::string(format->name);
}

Result<void> check_range(std::string_view name, const std::optional<std::int64_t>& value, std::int64_t most) {
  if (!value || (*value >= 1 && *value <= most)) return {};
  return invalid(std::string(name) + ": expected a whole number from 1 to " + std::to_string(most) + ", not " +
                 std::to_string(*value));
}

Result<void> check_labels(const std::map<std::string, std::string>& labels) {
  if (labels.size() > most_labels) return invalid("labels: at most 32 are allowed");
  for (const auto& [key, value] : labels) {
    if (key.empty() || key.size() > most_label_key_bytes || !shared::is_utf8(key)) {
      return invalid("labels: a key has 1 to 63 bytes of UTF-8");
    }
    if (value.size() > most_label_value_bytes || !shared::is_utf8(value)) {
      return invalid("labels." + key + ": a value has at most 255 bytes of UTF-8");
    }
  }
  return {};
}

Result<void> check_steps(const Wanted& wanted) {
  for (std::size_t i = 0; i < wanted.route.size(); ++i) {
    const RouteStep& step = wanted.route[i];
    auto fits = step.engine->check({step.from, step.to, {}, {}, step_options(wanted.route, i, wanted.options)});
    if (!fits) return fits;
  }
  return {};
}

}  // namespace

const std::vector<std::string>& prompt_modes() {
  static const std::vector<std::string> names = [] {
    std::vector<std::string> list;
    for (const PromptMode& mode : prompt_table) list.emplace_back(mode.name);
    return list;
  }();
  return names;
}

Result<Wanted> resolve(const Planner& planner, const Submission& submission) {
  Wanted wanted;
  auto from = source_format(planner, submission);
  if (!from) return from.error();
  wanted.from = *std::move(from);
  auto to = target_format(planner, submission, wanted.from);
  if (!to) return to.error();
  wanted.to = *std::move(to);
  auto route = planner.plan(wanted.from, wanted.to);
  if (!route) return route.error();
  wanted.route = *std::move(route);
  auto options = engines::validate_options(legs_of(wanted.route), wanted.to, submission.options.read());
  if (!options) return options.error();
  wanted.options = *std::move(options);
  if (auto fit = check_steps(wanted); !fit) return fit.error();
  return wanted;
}

Result<void> check_bounds(const Submission& submission) {
  if (submission.priority < 0 || submission.priority > 9) {
    return invalid("priority: expected 0 to 9, not " + std::to_string(submission.priority));
  }
  if (auto ok = check_range("deadline_ms", submission.deadline_ms, 365 * day_ms); !ok) return ok;
  if (auto ok = check_range("attempt_timeout_ms", submission.attempt_timeout_ms, day_ms); !ok) return ok;
  if (auto ok = check_range("stall_timeout_ms", submission.stall_timeout_ms, day_ms); !ok) return ok;
  return check_labels(submission.labels);
}

}  // namespace convd::jobs
