#include "convd/process/wire.h"

#include <array>
#include <type_traits>
#include <utility>

#include "convd/process/spec_fields.h"
#include "convd/process/tagged.h"
#include "shared/enum_names.h"

namespace convd::process {

namespace {

constexpr shared::JsonLimits json_limits{.size_bytes = 1 << 20, .depth = 8};
constexpr std::array<std::string_view, 7> end_names{"exited",        "signalled",    "killed", "not_started",
                                                    "out_of_memory", "output_limit", "lost"};

constexpr std::array<std::string_view, family_count> family_names{"described", "office", "markup",
                                                                  "pdf",       "image",  "media"};

}  // namespace

std::string_view to_string(Family family) {
  return shared::name_of(family_names, family);
}
std::optional<Family> enum_from(std::string_view name, std::type_identity<Family>) {
  return shared::value_of<Family>(family_names, name);
}
std::string_view to_string(End end) {
  return shared::name_of(end_names, end);
}
std::optional<End> enum_from(std::string_view name, std::type_identity<End>) {
  return shared::value_of<End>(end_names, name);
}

// One field list per message, and its name.
void fields(auto& v, auto& m, std::type_identity<Hello>) {
  v.field("version", m.version);
  v.field("sandboxed", m.sandboxed);
  v.field("confinement", m.confinement);
  v.field("problem", m.problem);
}
void fields(auto& v, auto& m, std::type_identity<Office>) {
  v.field("warm", m.warm);
  v.field("state", m.state);
}
void fields(auto& v, auto& m, std::type_identity<LogLevel>) {
  v.field("level", m.level);
}
void fields(auto& v, auto& m, std::type_identity<InputFile>) {
  v.field("name", m.name);
}
void fields(auto& v, auto& m, std::type_identity<MadeFile>) {
  v.field("path", m.path);
  v.field("content", m.content);
}
void fields(auto& v, auto& m, std::type_identity<ChildSpec>) {
  v.field("job", m.job);
  v.field("argv", m.argv);
  v.field("env", m.env);
  v.field("inputs", m.inputs);
  v.field("files", m.files);
  v.field("read_only", m.read_only);
  v.field("limits", m.limits);
  v.field("inspection", m.inspection);
  v.field("family", m.family);
  v.field("nice", m.nice);
  v.field("office", m.office);
  v.field("needs_warm_office", m.needs_warm_office);
}
void fields(auto& v, auto& m, std::type_identity<Start>) {
  v.field("id", m.id);
  v.field("spec", m.spec);
}
void fields(auto& v, auto& m, std::type_identity<Kill>) {
  v.field("id", m.id);
}
void fields(auto& v, auto& m, std::type_identity<Release>) {
  v.field("id", m.id);
}
void fields(auto& v, auto& m, std::type_identity<Open>) {
  v.field("id", m.id);
  v.field("name", m.name);
  v.field("ticket", m.ticket);
}
void fields(auto& v, auto& m, std::type_identity<Opened>) {
  v.field("ticket", m.ticket);
  v.field("error", m.error);
}
void fields(auto& v, auto& m, std::type_identity<Usage>) {
  v.field("id", m.id);
  v.field("cpu_ms", m.cpu_ms);
}
void fields(auto& v, auto& m, std::type_identity<OutputFile>) {
  v.field("name", m.name);
  v.field("size", m.size_bytes);
}
void fields(auto& v, auto& m, std::type_identity<Outputs>) {
  v.field("id", m.id);
  v.field("files", m.files);
}
void fields(auto& v, auto& m, std::type_identity<Exited>) {
  v.field("id", m.id);
  v.field("end", m.exit.end);
  v.field("status", m.exit.status);
  v.field("reason", m.exit.reason);
  v.field("user_ms", m.exit.user_ms);
  v.field("system_ms", m.exit.system_ms);
  v.field("peak_rss_bytes", m.exit.peak_rss_bytes);
  v.field("disk_full", m.exit.disk_full);
  v.field("warm", m.exit.warm);
}

constexpr std::string_view tag(std::type_identity<Hello>) {
  return "hello";
}
constexpr std::string_view tag(std::type_identity<Office>) {
  return "office";
}
constexpr std::string_view tag(std::type_identity<LogLevel>) {
  return "log_level";
}
constexpr std::string_view tag(std::type_identity<Start>) {
  return "start";
}
constexpr std::string_view tag(std::type_identity<Kill>) {
  return "kill";
}
constexpr std::string_view tag(std::type_identity<Release>) {
  return "release";
}
constexpr std::string_view tag(std::type_identity<Open>) {
  return "open";
}
constexpr std::string_view tag(std::type_identity<Opened>) {
  return "opened";
}
constexpr std::string_view tag(std::type_identity<Usage>) {
  return "usage";
}
constexpr std::string_view tag(std::type_identity<Outputs>) {
  return "outputs";
}
constexpr std::string_view tag(std::type_identity<Exited>) {
  return "exit";
}

std::string encode(const Message& message) {
  return encode_tagged(message);
}

shared::Result<Message> decode(std::string_view text) {
  return decode_tagged<Message>(text, json_limits);
}

}  // namespace convd::process
