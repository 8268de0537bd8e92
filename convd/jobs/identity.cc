#include "convd/jobs/identity.h"

#include <algorithm>
#include <map>

#include "convd/engines/registry.h"
#include "convd/store/sha256.h"
#include "shared/version.h"

namespace convd::jobs {
namespace {

// Fields in a fixed order, each with its length before it: no two lists of fields are the same bytes.
class Canonical {
 public:
  void add(std::string_view field) {
    digest_.update(std::to_string(field.size()) + ":");
    digest_.update(field);
  }
  void add(std::int64_t number) { add(std::string_view(std::to_string(number))); }
  template <typename T>
  void add(const std::optional<T>& field) {
    digest_.update(field ? "+" : "-");
    if (field) add(*field);
  }
  void add(const std::map<std::string, std::string>& texts) {
    add(static_cast<std::int64_t>(texts.size()));
    for (const auto& [key, value] : texts) {
      add(std::string_view(key));
      add(std::string_view(value));
    }
  }
  std::string finish() { return digest_.finish(); }

 private:
  store::Sha256 digest_;
};

std::map<std::string, std::string> sorted(const shared::Json& options) {
  std::map<std::string, std::string> texts;
  const auto members = options.read().members();
  if (!members) return texts;
  for (const auto& [key, value] : *members) texts[key] = engines::is_secret(key) ? "" : value.clone().dump();
  return texts;
}

}  // namespace

std::string fingerprint(const Submission& submission, const std::string& input_sha256) {
  Canonical canonical;
  canonical.add(std::string_view("request 1"));
  canonical.add(std::string_view(submission.filename));
  canonical.add(std::string_view(input_sha256));
  canonical.add(submission.from);
  canonical.add(submission.to);
  canonical.add(submission.prompt_mode);
  canonical.add(sorted(submission.options));
  canonical.add(submission.labels);
  canonical.add(static_cast<std::int64_t>(submission.priority));
  canonical.add(submission.deadline_ms);
  canonical.add(submission.attempt_timeout_ms);
  canonical.add(submission.stall_timeout_ms);
  canonical.add(std::string_view(submission.reuse ? "reuse" : "no_cache"));
  return canonical.finish();
}

std::optional<std::string> reuse_key(const Work& work) {
  const auto is_secret = [](const auto& option) { return engines::is_secret(option.first); };
  if (!work.fonts || std::any_of(work.options.begin(), work.options.end(), is_secret)) return std::nullopt;
  Canonical canonical;
  // With our own version: another one may say other things to the same engine.
  canonical.add("work 1 of " + std::string(shared::version));
  canonical.add(std::string_view(work.input_sha256));
  canonical.add(std::string_view(work.from));
  canonical.add(std::string_view(work.to));
  canonical.add(work.options);
  canonical.add(static_cast<std::int64_t>(work.route.size()));
  for (const Work::Step& step : work.route) {
    if (step.version.empty()) return std::nullopt;
    for (const std::string* field : {&step.engine, &step.version, &step.from, &step.to})
      canonical.add(std::string_view(*field));
  }
  canonical.add(std::string_view(*work.fonts));
  return canonical.finish();
}

}  // namespace convd::jobs
