#pragma once
// The options of LibreOffice, and their one way into filter names and filter data. Pure. Any thread.

#include <string>
#include <vector>

#include "convd/engines/engine.h"
#include "convd/process/office_job.h"
#include "shared/result.h"

namespace convd::engines {

std::vector<OptionSpec> office_options();
// Errors: invalid_option, for what the table cannot say.
shared::Result<void> check_office_options(const Task& task);

// The task in LibreOffice's own words.
process::OfficeJob office_job(const Task& task);
// The options by which it is more than `soffice --convert-to` can do; also where a password would show in argv. Empty:
// it is not.
std::vector<std::string> warm_only_options(const Task& task);

// The same words for a command line, without passwords: what stands after --infilter= (empty: nothing) and after
// --convert-to.
std::string infilter(const process::OfficeJob& job);
std::string convert_to(const process::OfficeJob& job, const std::string& to);

// A glob over what is written.
std::string office_outputs(const Task& task);

}  // namespace convd::engines
