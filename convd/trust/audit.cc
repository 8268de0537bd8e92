#include "convd/trust/audit.h"

#include <algorithm>

#include "shared/json.h"
#include "shared/time.h"
#include "shared/utf8.h"

namespace convd::trust {
namespace {

using shared::Json;

constexpr std::size_t most_bytes = 300;

bool continues(char c) {
  return (static_cast<unsigned char>(c) & 0xc0U) == 0x80;
}

// U+0080 to U+009F are control codes to some terminals; JSON would let them, and DEL, stand as they are.
bool is_control(std::string_view text, std::size_t at) {
  if (text[at] == '\x7f') return true;
  return text[at] == '\xc2' && at + 1 < text.size() && static_cast<unsigned char>(text[at + 1]) < 0xa0;
}

std::string shown(std::string_view text) {
  std::size_t end = std::min(text.size(), most_bytes);
  if (end < text.size()) {
    while (end > 0 && continues(text[end])) --end;
  }
  text = text.substr(0, end);
  const bool is_text = shared::is_utf8(text);
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool control = is_control(text, i) || (!is_text && (static_cast<unsigned char>(text[i]) & 0x80U) != 0);
    out += control || text[i] == '\0' ? '?' : text[i];
    if (control && is_text && text[i] == '\xc2') ++i;
  }
  return out;
}

}  // namespace

std::string to_line(const AuditEntry& entry, std::int64_t at_ms, std::int64_t omitted) {
  Json outcome = Json::object();
  outcome.set("status", entry.status);
  if (!entry.code.empty()) outcome.set("code", entry.code);
  Json json = Json::object();
  json.set("ts", shared::to_rfc3339(at_ms))
      .set("principal", shown(entry.principal))
      .set("org", shown(entry.org))
      .set("role", entry.role)
      .set("address", shown(entry.address))
      .set("action", entry.action)
      .set("route", entry.route)
      .set("subject", entry.subject.empty() ? Json() : Json(shown(entry.subject)))
      .set("outcome", std::move(outcome))
      .set("trace_id", entry.trace_id);
  if (omitted > 0) json.set("omitted", omitted);
  return json.dump() + "\n";
}

}  // namespace convd::trust
