#pragma once
// The receipt of a conversion, from what is stored of it. Pure.

#include "convd/jobs/attempt_receipt.h"
#include "convd/jobs/job.h"
#include "shared/receipt.h"

namespace convd::jobs {

// At most fifty attempts and fifty steps are kept: the last ones.
void add_attempt(shared::ReceiptRecord& receipt, AttemptRecord attempt);

// An attempt that began and of which nothing is stored ended with the daemon; the last one of a running conversion is
// "running".
shared::Receipt receipt_of(const Job& job);

}  // namespace convd::jobs
