#include "convd/api/submission.h"

#include <algorithm>
#include <array>
#include <optional>
#include <set>

#include "convd/api/text.h"

namespace convd::api {
namespace {

using shared::Error;
using shared::ErrorCode;
using shared::Json;
using shared::JsonReader;
using shared::Result;

enum class Kind : std::uint8_t { text, integer, flag, object };

struct Field {
  std::string_view name;
  Kind kind;
};

constexpr std::array<Field, 13> fields{{
    {"filename", Kind::text},
    {"from", Kind::text},
    {"to", Kind::text},
    {"prompt_mode", Kind::text},
    {"options", Kind::object},
    {"labels", Kind::object},
    {"priority", Kind::integer},
    {"deadline_ms", Kind::integer},
    {"attempt_timeout_ms", Kind::integer},
    {"stall_timeout_ms", Kind::integer},
    {"pages", Kind::text},
    {"password", Kind::text},
    {"no_cache", Kind::flag},
}};

// The ranges of times, and how many labels of what size there may be, are the manager's to check.
constexpr std::int64_t most_exact = std::int64_t{1} << 53;

const Field* find_field(std::string_view name) {
  const auto found = std::find_if(fields.begin(), fields.end(), [&](const Field& field) { return field.name == name; });
  return found == fields.end() ? nullptr : &*found;
}

Error wrong_field(std::string_view name, const std::string& what) {
  return {ErrorCode::invalid_request, std::string(name) + ": " + what, {}};
}

// Reads members into the places they belong; the first error stops the reading.
class Decoder {
 public:
  explicit Decoder(const JsonReader& json) : json_(json) {}

  void text(std::string_view key, std::string& to) {
    std::optional<std::string> value;
    text(key, value);
    if (value) to = *std::move(value);
  }
  void text(std::string_view key, std::optional<std::string>& to) {
    const auto member = find(key);
    if (!member) return;
    auto value = member->string();
    if (!value)
      outcome_ = value.error();
    else
      to = *std::move(value);
  }
  void integer(std::string_view key, std::int64_t least, std::int64_t most, std::optional<std::int64_t>& to) {
    const auto member = find(key);
    if (!member) return;
    const auto value = member->integer(least, most);
    if (!value)
      outcome_ = value.error();
    else
      to = *value;
  }
  void flag(std::string_view key, bool& to) {
    const auto member = find(key);
    if (!member) return;
    const auto value = member->boolean();
    if (!value)
      outcome_ = value.error();
    else
      to = *value;
  }
  void options(Json& to) {
    const auto member = find("options");
    if (!member) return;
    if (member->is_object())
      to = member->clone();
    else
      outcome_ = member->members().error();
  }
  void option(std::string_view key, Json& options) {
    std::optional<std::string> value;
    text(key, value);
    if (!value) return;
    if (options.read().find(key))
      outcome_ = refuse(key, "given both here and in options");
    else
      options.set(key, *value);
  }
  void labels(std::map<std::string, std::string>& to) {
    const auto member = find("labels");
    if (!member) return;
    const auto members = member->members();
    if (!members) {
      outcome_ = members.error();
      return;
    }
    for (const auto& [name, value] : *members) {
      auto text = value.string();
      if (!text)
        outcome_ = text.error();
      else
        to[name] = *std::move(text);
    }
  }

  const Result<void>& outcome() const { return outcome_; }

 private:
  std::optional<JsonReader> find(std::string_view key) const { return outcome_ ? json_.find(key) : std::nullopt; }
  static Error refuse(std::string_view key, const std::string& what) {
    return {ErrorCode::invalid_json, "$." + std::string(key) + ": " + what, {}};
  }

  const JsonReader& json_;
  Result<void> outcome_;
};

Result<Json> field_to_json(const Field& field, const std::string& value) {
  if (field.kind == Kind::text) return Json(value);
  if (field.kind == Kind::integer) {
    const auto number = whole_number(value);
    if (!number) return wrong_field(field.name, "expected a whole number, found \"" + value + "\"");
    return Json(*number);
  }
  if (field.kind == Kind::flag) {
    if (value == "true" || value == "1") return Json(true);
    if (value == "false" || value == "0") return Json(false);
    return wrong_field(field.name, "expected true or false, found \"" + value + "\"");
  }
  auto json = Json::parse(value);
  if (!json) return wrong_field(field.name, "expected JSON text: " + json.error().message);
  return json;
}

}  // namespace

bool is_submission_field(std::string_view name) {
  return find_field(name) != nullptr;
}

std::string unknown_field(std::string_view name) {
  std::string known = "file";
  for (const Field& field : fields) known += ", " + std::string(field.name);
  return "unknown field \"" + std::string(name) + "\"; known are " + known;
}

Result<jobs::Submission> read_submission(const JsonReader& json) {
  std::vector<std::string_view> known;
  for (const Field& field : fields) known.push_back(field.name);
  if (auto outcome = json.only(known); !outcome) return outcome.error();

  jobs::Submission submission;
  std::optional<std::int64_t> priority;
  bool no_cache = false;
  Decoder decoder(json);
  decoder.text("filename", submission.filename);
  decoder.text("from", submission.from);
  decoder.text("to", submission.to);
  decoder.text("prompt_mode", submission.prompt_mode);
  decoder.options(submission.options);
  decoder.option("pages", submission.options);
  decoder.option("password", submission.options);
  decoder.labels(submission.labels);
  decoder.integer("priority", 0, 9, priority);
  decoder.integer("deadline_ms", 0, most_exact, submission.deadline_ms);
  decoder.integer("attempt_timeout_ms", 0, most_exact, submission.attempt_timeout_ms);
  decoder.integer("stall_timeout_ms", 0, most_exact, submission.stall_timeout_ms);
  decoder.flag("no_cache", no_cache);
  if (!decoder.outcome()) return decoder.outcome().error();
  if (priority) submission.priority = static_cast<int>(*priority);
  submission.reuse = !no_cache;
  return submission;
}

Result<Json> form_to_json(const FormFields& form) {
  Json json = Json::object();
  std::set<std::string_view> seen;
  for (const auto& [name, value] : form) {
    const Field* field = find_field(name);
    if (field == nullptr) return Error{ErrorCode::invalid_request, unknown_field(name), {}};
    if (!seen.insert(field->name).second) return wrong_field(name, "given twice");
    if (value.empty()) continue;
    if (value.find('\0') != value.npos) return wrong_field(name, "a NUL byte");
    auto converted = field_to_json(*field, value);
    if (!converted) return converted.error();
    json.set(name, *std::move(converted));
  }
  return json;
}

Result<jobs::Submission> read_form_submission(const FormFields& form) {
  const auto json = form_to_json(form);
  if (!json) return json.error();
  auto submission = read_submission(json->read());
  if (submission || submission.error().code != ErrorCode::invalid_json) return submission;
  std::string message = submission.error().message;
  if (message.substr(0, 2) == "$.") message.erase(0, 2);
  return Error{ErrorCode::invalid_request, message, {}};
}

}  // namespace convd::api
