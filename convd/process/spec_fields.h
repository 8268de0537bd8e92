#pragma once
// The field lists of what both wires carry (see shared/fields.h).

#include <optional>
#include <string_view>
#include <type_traits>

#include "convd/process/child_spec.h"
#include "convd/process/office_job.h"
#include "shared/fields.h"

namespace convd::process {

std::string_view to_string(ValueKind kind);
std::optional<ValueKind> enum_from(std::string_view name, std::type_identity<ValueKind>);
std::string_view to_string(TrackedChanges changes);
std::optional<TrackedChanges> enum_from(std::string_view name, std::type_identity<TrackedChanges>);

void fields(auto& v, auto& m, std::type_identity<Limits>) {
  v.field("memory_bytes", m.memory_bytes);
  v.field("address_space_bytes", m.address_space_bytes);
  v.field("cpu_ms", m.cpu_ms);
  v.field("file_bytes", m.file_bytes);
  v.field("output_bytes", m.output_bytes);
  v.field("output_files", m.output_files);
  v.field("processes", m.processes);
  v.field("open_files", m.open_files);
  v.field("tmp_bytes", m.tmp_bytes);
}
void fields(auto& v, auto& m, std::type_identity<FilterValue>) {
  v.field("name", m.name);
  v.field("kind", m.kind);
  v.field("value", m.value);
}
void fields(auto& v, auto& m, std::type_identity<OfficeJob>) {
  v.field("input", m.input);
  v.field("inspection", m.inspection);
  v.field("output", m.output);
  v.field("import_filter", m.import_filter);
  v.field("import_options", m.import_options);
  v.field("password", m.password);
  v.field("export_filter", m.export_filter);
  v.field("export_options", m.export_options);
  v.field("export_data", m.export_data);
  v.field("output_password", m.output_password);
  v.field("locale", m.locale);
  v.field("is_spreadsheet", m.is_spreadsheet);
  v.field("landscape", m.landscape);
  v.field("sheets", m.sheets);
  v.field("changes", m.changes);
  v.field("update_indexes", m.update_indexes);
  v.field("early_page", m.early_page);
  v.field("processes", m.processes);
}

}  // namespace convd::process
