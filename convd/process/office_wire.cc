#include "convd/process/office_wire.h"

#include <array>
#include <type_traits>
#include <utility>

#include "convd/process/spec_fields.h"
#include "convd/process/tagged.h"
#include "shared/enum_names.h"

namespace convd::process {
namespace {

constexpr std::array<std::string_view, 3> phase_names{"reading", "layout", "writing"};
constexpr std::array<std::string_view, 3> kind_names{"flag", "number", "text"};
constexpr std::array<std::string_view, 3> change_names{"as_saved", "shown", "hidden"};

constexpr shared::JsonLimits message_limits{.size_bytes = 1 << 20, .depth = 8};
constexpr shared::JsonLimits note_limits{.size_bytes = 64 << 10, .depth = 4};

}  // namespace

std::string_view to_string(ValueKind kind) {
  return shared::name_of(kind_names, kind);
}
std::optional<ValueKind> enum_from(std::string_view name, std::type_identity<ValueKind>) {
  return shared::value_of<ValueKind>(kind_names, name);
}
std::string_view to_string(TrackedChanges changes) {
  return shared::name_of(change_names, changes);
}
std::optional<TrackedChanges> enum_from(std::string_view name, std::type_identity<TrackedChanges>) {
  return shared::value_of<TrackedChanges>(change_names, name);
}
std::string_view to_string(OfficePhase phase) {
  return shared::name_of(phase_names, phase);
}
std::optional<OfficePhase> enum_from(std::string_view name, std::type_identity<OfficePhase>) {
  return shared::value_of<OfficePhase>(phase_names, name);
}

// One field list per message, and its name.
void fields(auto& v, auto& m, std::type_identity<Convert>) {
  v.field("id", m.id);
  v.field("workspace", m.workspace);
  v.field("job", m.job);
  v.field("limits", m.limits);
}
void fields(auto&, auto&, std::type_identity<Drain>) {}
void fields(auto& v, auto& m, std::type_identity<OfficeReady>) {
  v.field("version", m.version);
  v.field("confinement", m.confinement);
}
void fields(auto& v, auto& m, std::type_identity<OfficeRefused>) {
  v.field("reason", m.reason);
}
void fields(auto& v, auto& m, std::type_identity<ChildStarted>) {
  v.field("id", m.id);
}
void fields(auto& v, auto& m, std::type_identity<ChildEnded>) {
  v.field("id", m.id);
  v.field("status", m.status);
  v.field("user_ms", m.user_ms);
  v.field("system_ms", m.system_ms);
  v.field("peak_rss_bytes", m.peak_rss_bytes);
}
void fields(auto& v, auto& m, std::type_identity<OfficeStep>) {
  v.field("phase", m.phase);
  v.field("done", m.done);
  v.field("total", m.total);
}
void fields(auto& v, auto& m, std::type_identity<OfficePages>) {
  v.field("count", m.count);
  v.field("chosen", m.chosen);
}
void fields(auto& v, auto& m, std::type_identity<OfficeFont>) {
  v.field("name", m.name);
  v.field("used", m.used);
}
void fields(auto& v, auto& m, std::type_identity<OfficeFonts>) {
  v.field("requested", m.requested);
  v.field("missing", m.missing);
}
void fields(auto& v, auto& m, std::type_identity<OfficeLinks>) {
  v.field("blocked", m.blocked);
}
void fields(auto& v, auto& m, std::type_identity<OfficeEarlyPage>) {
  v.field("width", m.width);
  v.field("height", m.height);
}
void fields(auto& v, auto& m, std::type_identity<OfficeFailed>) {
  v.field("code", m.code);
  v.field("sentence", m.sentence);
}

constexpr std::string_view tag(std::type_identity<Convert>) {
  return "convert";
}
constexpr std::string_view tag(std::type_identity<Drain>) {
  return "drain";
}
constexpr std::string_view tag(std::type_identity<OfficeReady>) {
  return "ready";
}
constexpr std::string_view tag(std::type_identity<OfficeRefused>) {
  return "refused";
}
constexpr std::string_view tag(std::type_identity<ChildStarted>) {
  return "started";
}
constexpr std::string_view tag(std::type_identity<ChildEnded>) {
  return "ended";
}
constexpr std::string_view tag(std::type_identity<OfficeStep>) {
  return "step";
}
constexpr std::string_view tag(std::type_identity<OfficePages>) {
  return "pages";
}
constexpr std::string_view tag(std::type_identity<OfficeFonts>) {
  return "fonts";
}
constexpr std::string_view tag(std::type_identity<OfficeLinks>) {
  return "links";
}
constexpr std::string_view tag(std::type_identity<OfficeEarlyPage>) {
  return "early_page";
}
constexpr std::string_view tag(std::type_identity<OfficeFailed>) {
  return "failed";
}

std::string encode_office(const OfficeMessage& message) {
  return encode_tagged(message);
}
shared::Result<OfficeMessage> decode_office(std::string_view text) {
  return decode_tagged<OfficeMessage>(text, message_limits);
}

std::string encode_note(const OfficeNote& note) {
  return encode_tagged(note);
}
std::optional<OfficeNote> decode_note(std::string_view line) {
  auto note = decode_tagged<OfficeNote>(line, note_limits);
  if (!note) return std::nullopt;
  return *std::move(note);
}

}  // namespace convd::process
