#include "convd/jobs/job_record.h"

#include <utility>

#include "convd/engines/registry.h"
#include "shared/time.h"

namespace convd::jobs {
namespace {

using shared::Json;
using shared::Result;
using Texts = std::map<std::string, std::string>;

std::string dump(const Texts& texts) {
  Json object = Json::object();
  for (const auto& [key, value] : texts) object.set(key, value);
  return object.dump();
}

Result<Texts> read_texts(const std::string& text) {
  auto json = Json::parse(text);
  if (!json) return json.error();
  auto members = json->read().members();
  if (!members) return members.error();
  Texts texts;
  for (const auto& [key, member] : *members) {
    auto value = member.string();
    if (!value) return value.error();
    texts.emplace(key, *std::move(value));
  }
  return texts;
}

template <typename T>
Result<std::optional<T>> read_optional(const std::optional<std::string>& text,
                                       Result<T> (*from)(const shared::JsonReader&)) {
  if (!text) return std::optional<T>();
  auto json = Json::parse(*text, {16 << 20, 32});
  if (!json) return json.error();
  auto value = from(json->read());
  if (!value) return value.error();
  return std::optional<T>(*std::move(value));
}

shared::Error corrupt(const store::ConversionRow& row, const shared::Error& why) {
  return {shared::ErrorCode::internal, "the record of conversion " + row.id + " cannot be read: " + why.message, {}};
}

void copy_plain(const store::ConversionRow& row, Job& job) {
  job.id = row.id;
  job.org = row.org;
  job.principal = row.principal;
  job.filename = row.filename;
  job.from = row.from;
  job.to = row.to;
  job.message = row.message;
  job.rev = row.rev;
  job.attempt = row.attempt;
  job.failures = row.failures;
  job.priority = row.priority;
  job.created_ms = row.created_ms;
  job.started_ms = row.started_ms;
  job.completed_ms = row.completed_ms;
  job.deadline_ms = row.deadline_ms;
  job.attempt_timeout_ms = row.attempt_timeout_ms;
  job.stall_timeout_ms = row.stall_timeout_ms;
  job.input_sha256 = row.input_sha256;
  job.input_bytes = row.input_bytes;
  job.error = row.error;
  job.retry_of = row.retry_of;
  job.prompt_mode = row.prompt_mode;
  job.reuse_key = row.reuse_key;
  job.served_from = row.served_from;
  job.result_gone_ms = row.result_gone_ms;
  job.result_gone_why = row.result_gone_why;
}

std::optional<std::string> rfc3339(const std::optional<std::int64_t>& epoch_ms) {
  if (!epoch_ms) return std::nullopt;
  return shared::to_rfc3339(*epoch_ms);
}

std::int64_t stored_bytes(const shared::ResultInfo& result) {
  std::int64_t bytes = result.file.size_bytes;
  for (const shared::ResultFile& part : result.parts) bytes += part.size_bytes;
  return bytes;
}

// That there was one stays, so that a retry does not quietly do without it.
void forget_secrets(engines::Options& options) {
  for (auto& [name, value] : options) {
    if (engines::is_secret(name)) value.clear();
  }
}

}  // namespace

store::ConversionRow to_row(const Job& job) {
  store::ConversionRow row;
  row.id = job.id;
  row.org = job.org;
  row.principal = job.principal;
  row.filename = job.filename;
  row.status = shared::to_string(job.status);
  row.from = job.from;
  row.to = job.to;
  engines::Options options = job.options;
  if (shared::is_terminal(job.status)) forget_secrets(options);
  row.options_json = dump(options);
  row.labels_json = dump(job.labels);
  row.message = job.message;
  row.rev = job.rev;
  row.attempt = job.attempt;
  row.failures = job.failures;
  row.priority = job.priority;
  row.created_ms = job.created_ms;
  row.started_ms = job.started_ms;
  row.completed_ms = job.completed_ms;
  row.deadline_ms = job.deadline_ms;
  row.attempt_timeout_ms = job.attempt_timeout_ms;
  row.stall_timeout_ms = job.stall_timeout_ms;
  row.input_sha256 = job.input_sha256;
  row.input_bytes = job.input_bytes;
  row.error = job.error;
  if (job.error_info) row.error_info_json = shared::to_json(*job.error_info).dump();
  if (job.result) row.result_json = shared::to_json(*job.result).dump();
  if (job.result) row.result_bytes = stored_bytes(*job.result);
  row.retry_of = job.retry_of;
  row.prompt_mode = job.prompt_mode;
  row.reuse_key = job.reuse_key;
  row.served_from = job.served_from;
  row.result_gone_ms = job.result_gone_ms;
  row.result_gone_why = job.result_gone_why;
  if (!job.receipt.attempts.empty()) row.receipt_json = shared::to_json(job.receipt).dump();
  return row;
}

Result<Job> from_row(const store::ConversionRow& row) {
  Job job;
  copy_plain(row, job);
  const auto status = shared::status_from(row.status);
  if (!status) return corrupt(row, {shared::ErrorCode::internal, "unknown status \"" + row.status + "\"", {}});
  job.status = *status;
  job.progress = job.status == shared::Status::completed ? 100 : 0;
  auto options = read_texts(row.options_json);
  if (!options) return corrupt(row, options.error());
  job.options = *std::move(options);
  auto labels = read_texts(row.labels_json);
  if (!labels) return corrupt(row, labels.error());
  job.labels = *std::move(labels);
  auto info = read_optional<shared::ErrorInfo>(row.error_info_json, shared::error_info_from);
  if (!info) return corrupt(row, info.error());
  job.error_info = *std::move(info);
  auto result = read_optional<shared::ResultInfo>(row.result_json, shared::result_info_from);
  if (!result) return corrupt(row, result.error());
  job.result = *std::move(result);
  auto receipt = read_optional<shared::ReceiptRecord>(row.receipt_json, shared::receipt_record_from);
  if (!receipt) return corrupt(row, receipt.error());
  if (*receipt) job.receipt = std::move(**receipt);
  return job;
}

shared::StatusObject to_status_object(const Job& job) {
  shared::StatusObject object;
  object.id = job.id;
  object.filename = job.filename;
  object.status = job.status;
  object.progress = job.progress;
  object.message = job.message;
  object.created_at = shared::to_rfc3339(job.created_ms);
  object.started_at = rfc3339(job.started_ms);
  object.completed_at = rfc3339(job.completed_ms);
  object.error = job.error;
  object.rev = job.rev;
  object.from = job.from;
  object.to = job.to;
  object.attempt = job.attempt;
  object.stage = job.stage;
  object.result = job.result;
  if (object.result) object.result->gone_at = rfc3339(job.result_gone_ms);
  object.error_info = job.error_info;
  object.retry_of = job.retry_of;
  object.labels = job.labels;
  return object;
}

store::EventRow event_of(const Job& job, std::string_view what, std::int64_t now_ms) {
  store::EventRow event;
  event.org = job.org;
  event.ts_ms = now_ms;
  event.service = "conversion";
  event.type = "conversion." + std::string(what);
  event.subject = job.id;
  event.data_json = shared::to_json(to_status_object(job)).dump();
  return event;
}

}  // namespace convd::jobs
