#pragma once
// Between the live job, its stored record and the status object people see. Pure.

#include "convd/jobs/job.h"
#include "convd/store/records.h"
#include "shared/protocol.h"
#include "shared/result.h"

namespace convd::jobs {

// Passwords go into the row only while the conversion is unfinished; then they are empty.
store::ConversionRow to_row(const Job& job);
// Errors: internal when the row does not hold what to_row writes.
shared::Result<Job> from_row(const store::ConversionRow& row);

// position and eta_ms are left null: they are computed when read.
shared::StatusObject to_status_object(const Job& job);

// `what`: "pending", "completed", "removed". The type becomes "conversion.<what>", the data the full status object.
store::EventRow event_of(const Job& job, std::string_view what, std::int64_t now_ms);

}  // namespace convd::jobs
