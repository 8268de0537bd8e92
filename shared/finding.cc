#include "shared/finding.h"

#include <array>

#include "shared/enum_names.h"
#include "shared/fields.h"

namespace shared {
namespace {

constexpr std::array<std::string_view, 3> verdict_names{"ok", "warn", "fail"};

}  // namespace

std::string_view to_string(Verdict verdict) {
  return name_of(verdict_names, verdict);
}

std::optional<Verdict> enum_from(std::string_view name, std::type_identity<Verdict>) {
  return value_of<Verdict>(verdict_names, name);
}

void fields(auto& v, auto& finding, std::type_identity<Finding>) {
  v.field("name", finding.name);
  v.field("verdict", finding.verdict);
  v.field("message", finding.message);
  v.field("advice", finding.advice);
}

Json to_json(const Finding& finding) {
  Json json = write_fields(finding);
  json.set("ok", finding.verdict != Verdict::fail);
  return json;
}

Result<Finding> finding_from(const JsonReader& json) {
  Finding finding;
  if (auto outcome = read_fields<Absent::is_refused>(json, finding); !outcome) return outcome.error();
  return finding;
}

}  // namespace shared
