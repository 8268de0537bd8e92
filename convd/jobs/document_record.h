#pragma once
// Between the stored document, what people see of it and its events. Pure.

#include <cstdint>
#include <string_view>

#include "convd/jobs/manager.h"
#include "convd/store/records.h"

namespace convd::jobs {

DocumentInfo to_info(const store::DocumentRow& row);

// `what`: "created", "removed". The type becomes "document.<what>".
store::EventRow event_of(const store::DocumentRow& row, std::string_view what, std::int64_t now_ms);

}  // namespace convd::jobs
