#include "shared/receipt.h"

#include "shared/fields.h"

namespace shared {

std::optional<Status> enum_from(std::string_view name, std::type_identity<Status>);

void fields(auto& v, auto& leg, std::type_identity<ReceiptLeg>) {
  v.field("engine", leg.engine);
  v.field("from", leg.from);
  v.field("to", leg.to);
}

void fields(auto& v, auto& font, std::type_identity<ReceiptFont>) {
  v.field("requested", font.requested);
  v.field("used", font.used);
}

void fields(auto& v, auto& step, std::type_identity<ReceiptStep>) {
  v.field("attempt", step.attempt);
  v.field("engine", step.engine);
  v.field("version", step.version);
  v.field("from", step.from);
  v.field("to", step.to);
  v.field("warm", step.warm);
  v.field("outcome", step.outcome);
  v.field("ended", step.ended);
  v.field("exit_status", step.exit_status);
  v.field("wall_ms", step.wall_ms);
  v.field("cpu_ms", step.cpu_ms);
  v.field("peak_rss_bytes", step.peak_rss_bytes);
  v.field("pages_in", step.pages_in);
  v.field("pages_out", step.pages_out);
  v.field("fonts_requested", step.fonts_requested);
  v.field("fonts_substituted", step.fonts_substituted);
  v.field("links_blocked", step.links_blocked);
  v.field("warnings", step.warnings);
  v.field("warnings_total", step.warnings_total);
}

void fields(auto& v, auto& attempt, std::type_identity<ReceiptAttempt>) {
  v.field("attempt", attempt.attempt);
  v.field("outcome", attempt.outcome);
  v.field("wall_ms", attempt.wall_ms);
  v.field("input_check_ms", attempt.input_check_ms);
  v.field("publish_ms", attempt.publish_ms);
}

void fields(auto& v, auto& record, std::type_identity<ReceiptRecord>) {
  v.field("route", record.route);
  v.field("attempts", record.attempts);
  v.field("steps", record.steps);
}

void fields(auto& v, auto& timings, std::type_identity<ReceiptTimings>) {
  v.field("waited_ms", timings.waited_ms);
  v.field("input_check_ms", timings.input_check_ms);
  v.field("publish_ms", timings.publish_ms);
  v.field("total_ms", timings.total_ms);
}

void fields(auto& v, auto& input, std::type_identity<ReceiptInput>) {
  v.field("size", input.size_bytes);
  v.field("sha256", input.sha256);
}

void fields(auto& v, auto& file, std::type_identity<ResultFile>) {
  v.field("name", file.name);
  v.field("media_type", file.media_type);
  v.field("size", file.size_bytes);
  v.field("sha256", file.sha256);
}

void fields(auto& v, auto& output, std::type_identity<ReceiptOutput>) {
  v.field("size", output.size_bytes);
  v.field("files", output.files);
}

void fields(auto& v, auto& receipt, std::type_identity<Receipt>) {
  v.field("id", receipt.id);
  v.field("filename", receipt.filename);
  v.field("from", receipt.from);
  v.field("to", receipt.to);
  v.field("status", receipt.status);
  v.field("reused", receipt.reused);
  v.field("served_from", receipt.served_from);
  v.field("input", receipt.input);
  v.field("output", receipt.output);
  v.field("pages_in", receipt.pages_in);
  v.field("pages_out", receipt.pages_out);
  v.field("timings", receipt.timings);
  v.field("failures", receipt.failures);
  v.field("interruptions", receipt.interruptions);
  v.field("route", receipt.route);
  v.field("attempts", receipt.attempts);
  v.field("steps", receipt.steps);
}

namespace {

// As a step was stored first.
Result<void> take_old_names(const JsonReader& json, ReceiptStep& step) {
  if (const auto pages = json.find("pages")) {
    const auto count = pages->integer(0, std::int64_t{1} << 53);
    if (!count) return count.error();
    step.pages_in = *count;
  }
  const auto fonts = json.find("fonts_missing");
  if (!fonts) return {};
  const auto names = fonts->items();
  if (!names) return names.error();
  for (const JsonReader& item : *names) {
    auto name = item.string();
    if (!name) return name.error();
    step.fonts_substituted.push_back({*std::move(name), {}});
  }
  return {};
}

Result<ReceiptRecord> from_steps(const JsonReader& json) {
  ReceiptRecord record;
  const auto items = json.items();
  if (!items) return items.error();
  for (const JsonReader& item : *items) {
    ReceiptStep& step = record.steps.emplace_back();
    if (auto read = read_fields<Absent::keeps_default>(item, step); !read) return read.error();
    if (auto read = take_old_names(item, step); !read) return read.error();
    if (record.attempts.empty() || record.attempts.back().attempt != step.attempt)
      record.attempts.push_back({step.attempt, {}, 0, {}, {}});
    record.attempts.back().outcome = step.outcome;
    *record.attempts.back().wall_ms += step.wall_ms;
  }
  return record;
}

}  // namespace

Json to_json(const Receipt& receipt) {
  return write_fields(receipt);
}

Json to_json(const ReceiptRecord& record) {
  return write_fields(record);
}

Result<Receipt> receipt_from(const JsonReader& json) {
  Receipt receipt;
  if (auto outcome = read_fields<Absent::keeps_default>(json, receipt); !outcome) return outcome.error();
  return receipt;
}

Result<ReceiptRecord> receipt_record_from(const JsonReader& json) {
  if (json.is_array()) return from_steps(json);
  ReceiptRecord record;
  if (auto outcome = read_fields<Absent::keeps_default>(json, record); !outcome) return outcome.error();
  return record;
}

}  // namespace shared
