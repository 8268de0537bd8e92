#pragma once
// One document: loaded, changed as the job says, exported. In a forked child of its own, which ends afterwards.

#include <functional>
#include <optional>
#include <string>

#include "convd/office/lok.h"
#include "convd/process/office_job.h"
#include "convd/process/office_wire.h"

namespace convd::office {

using NoteSink = std::function<void(const process::OfficeNote&)>;

// [child, before it is confined] The job's temporary directory and locale, and the mode of LibreOffice its kind of
// document needs. `workspace` has in/, out/ and tmp/ in it.
void prepare_child(Lok& lok, const process::OfficeJob& job, const std::string& workspace);

// [child, confined] Reads <workspace>/in/<job.input>, writes <workspace>/out/<job.output>. Tells `note` how far it is;
// the failure is returned and not told. Nothing: done.
std::optional<process::OfficeFailed> convert_document(Lok& lok, const process::OfficeJob& job,
                                                      const std::string& workspace, const NoteSink& note);

}  // namespace convd::office
