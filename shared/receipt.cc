#include "shared/receipt.h"

#include "shared/fields.h"

namespace shared {

std::optional<Status> enum_from(std::string_view name, std::type_identity<Status>);

void fields(auto& v, auto& step, std::type_identity<ReceiptStep>) {
  v.field("attempt", step.attempt);
  v.field("engine", step.engine);
  v.field("version", step.version);
  v.field("from", step.from);
  v.field("to", step.to);
  v.field("warm", step.warm);
  v.field("outcome", step.outcome);
  v.field("wall_ms", step.wall_ms);
  v.field("cpu_ms", step.cpu_ms);
  v.field("peak_rss_bytes", step.peak_rss_bytes);
  v.field("pages", step.pages);
  v.field("fonts_missing", step.fonts_missing);
  v.field("links_blocked", step.links_blocked);
  v.field("warnings", step.warnings);
}

void fields(auto& v, auto& receipt, std::type_identity<Receipt>) {
  v.field("id", receipt.id);
  v.field("filename", receipt.filename);
  v.field("from", receipt.from);
  v.field("to", receipt.to);
  v.field("status", receipt.status);
  v.field("steps", receipt.steps);
}

Json to_json(const Receipt& receipt) {
  return write_fields(receipt);
}

Json to_json(const std::vector<ReceiptStep>& steps) {
  return FieldWriter::encode(steps);
}

Result<Receipt> receipt_from(const JsonReader& json) {
  Receipt receipt;
  if (auto outcome = read_fields<Absent::keeps_default>(json, receipt); !outcome) return outcome.error();
  return receipt;
}

Result<std::vector<ReceiptStep>> receipt_steps_from(const JsonReader& json) {
  std::vector<ReceiptStep> steps;
  if (auto outcome = read_fields<Absent::keeps_default>(json, steps); !outcome) return outcome.error();
  return steps;
}

}  // namespace shared
