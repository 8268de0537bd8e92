#pragma once
// Records and columns: one list per table, for writing and for reading. `visit(name, member)` per column. Any thread.

#include <string>
#include <string_view>

#include "convd/store/records.h"
#include "convd/store/sqlite.h"

namespace convd::store {

// What identifies a conversion: written once, never updated.
template <typename Visit>
void fixed_columns(Visit&& visit, auto& row) {
  visit("id", row.id);
  visit("org", row.org);
  visit("filename", row.filename);
  visit("input_sha256", row.input_sha256);
  visit("created_ms", row.created_ms);
}

template <typename Visit>
void changing_columns(Visit&& visit, auto& row) {
  visit("principal", row.principal);
  visit("status", row.status);
  visit("source_format", row.from);
  visit("target_format", row.to);
  visit("options_json", row.options_json);
  visit("labels_json", row.labels_json);
  visit("message", row.message);
  visit("rev", row.rev);
  visit("attempt", row.attempt);
  visit("failures", row.failures);
  visit("priority", row.priority);
  visit("started_ms", row.started_ms);
  visit("completed_ms", row.completed_ms);
  visit("deadline_ms", row.deadline_ms);
  visit("attempt_timeout_ms", row.attempt_timeout_ms);
  visit("stall_timeout_ms", row.stall_timeout_ms);
  visit("input_bytes", row.input_bytes);
  visit("error", row.error);
  visit("error_info_json", row.error_info_json);
  visit("result_json", row.result_json);
  visit("retry_of", row.retry_of);
  visit("prompt_mode", row.prompt_mode);
  visit("receipt_json", row.receipt_json);
  visit("reuse_key", row.reuse_key);
  visit("served_from", row.served_from);
  visit("result_bytes", row.result_bytes);
  visit("result_gone_ms", row.result_gone_ms);
  visit("result_gone_why", row.result_gone_why);
}

template <typename Visit>
void columns(Visit&& visit, auto& row) {
  fixed_columns(visit, row);
  changing_columns(visit, row);
}

// "id, org, ..., sum"
std::string conversion_column_names();
std::string insert_conversion_sql();
// The changing columns and the sum, then id, attempt and rev; no row that has ended, or that is as new.
std::string update_conversion_sql();

// Binds ?1, ?2, ... in the order of the visit.
class Binder {
 public:
  explicit Binder(Statement& statement) : statement_(statement) {}
  template <typename T>
  void operator()(std::string_view, const T& value) {
    statement_.bind(++index_, value);
  }

 private:
  Statement& statement_;
  int index_ = 0;
};

// Throws DamagedRow when the row does not match its sum.
ConversionRow read_conversion(const Rows& rows);

}  // namespace convd::store
