#pragma once
// A conversion that is given the result of another one: the same files under a second name, each looked at before.

#include <string>

#include "convd/jobs/job.h"
#include "convd/store/files.h"
#include "shared/protocol.h"
#include "shared/result.h"

namespace convd::jobs {

// Gives `heir` the files of the completed `source`, under the names that fit the heir's own filename, and seals them.
// May block, file thread only. Errors leave nothing of the heir's behind: result_gone, not_found, result_damaged,
// disk_full, unavailable.
shared::Result<shared::ResultInfo> inherit_result(store::Files& files, const Job& source, const std::string& heir,
                                                  const std::string& filename);

}  // namespace convd::jobs
