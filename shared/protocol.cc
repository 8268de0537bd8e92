#include "shared/protocol.h"

#include <array>

#include "shared/enum_names.h"
#include "shared/fields.h"

namespace shared {
namespace {

constexpr std::array<std::string_view, 5> status_names{"pending", "processing", "completed", "error", "cancelled"};
constexpr std::array<std::string_view, 3> kind_names{"none", "estimated", "measured"};

template <typename T>
Result<T> read_struct(const JsonReader& json) {
  T value;
  if (auto outcome = read_fields<Absent::keeps_default>(json, value); !outcome) return outcome.error();
  return value;
}

}  // namespace

// The whole protocol.
void fields(auto& v, auto& stage, std::type_identity<Stage>) {
  v.field("name", stage.name);
  v.field("index", stage.index);
  v.field("count", stage.count);
  v.field("unit", stage.unit);
  v.field("done", stage.done);
  v.field("total", stage.total);
  v.field("kind", stage.kind);
}

void fields(auto& v, auto& info, std::type_identity<ErrorInfo>) {
  v.field("code", info.code);
  v.field("retryable", info.retryable);
  v.field("stage", info.stage);
  v.field("detail", info.detail);
}

void fields(auto& v, auto& file, std::type_identity<ResultFile>) {
  v.field("name", file.name);
  v.field("media_type", file.media_type);
  v.field("size", file.size_bytes);
  v.field("sha256", file.sha256);
}

void fields(auto& v, auto& result, std::type_identity<ResultInfo>) {
  fields(v, result.file, std::type_identity<ResultFile>{});
  v.field("parts", result.parts);
  v.field_if_set("gone_at", result.gone_at);
}

void fields(auto& v, auto& object, std::type_identity<StatusObject>) {
  v.field("id", object.id);
  v.field("filename", object.filename);
  v.field("status", object.status);
  v.field("progress", object.progress);
  v.field("message", object.message);
  v.field("created_at", object.created_at);
  v.field("started_at", object.started_at);
  v.field("completed_at", object.completed_at);
  v.field("error", object.error);
  v.field("rev", object.rev);
  v.field("from", object.from);
  v.field("to", object.to);
  v.field("attempt", object.attempt);
  v.field("position", object.position);
  v.field("eta_ms", object.eta_ms);
  v.field("stage", object.stage);
  v.field("result", object.result);
  v.field("error_info", object.error_info);
  v.field("batch", object.batch);
  v.field("labels", object.labels);
  v.field_if_set("retry_of", object.retry_of);
}

std::optional<Status> enum_from(std::string_view name, std::type_identity<Status>) {
  return status_from(name);
}
std::optional<ProgressKind> enum_from(std::string_view name, std::type_identity<ProgressKind>) {
  return progress_kind_from(name);
}

std::string_view to_string(Status status) {
  return name_of(status_names, status);
}

std::optional<Status> status_from(std::string_view name) {
  return value_of<Status>(status_names, name);
}

std::string_view to_string(ProgressKind kind) {
  return name_of(kind_names, kind);
}

std::optional<ProgressKind> progress_kind_from(std::string_view name) {
  return value_of<ProgressKind>(kind_names, name);
}

Json to_json(const StatusObject& object) {
  return write_fields(object);
}

Json to_json(const ResultInfo& result) {
  return write_fields(result);
}

Json to_json(const ErrorInfo& info) {
  return write_fields(info);
}

Result<StatusObject> status_object_from(const JsonReader& json) {
  return read_struct<StatusObject>(json);
}

Result<ResultInfo> result_info_from(const JsonReader& json) {
  return read_struct<ResultInfo>(json);
}

Result<ErrorInfo> error_info_from(const JsonReader& json) {
  return read_struct<ErrorInfo>(json);
}

}  // namespace shared
