#pragma once
// --sandbox=off: the paths inside (/in, /out, /tmp) become those of the workspace. No confinement but limits and user.

#include "convd/process/child_spec.h"
#include "convd/runner/launch.h"
#include "convd/runner/workspace.h"
#include "shared/result.h"

namespace convd::runner {

// Fills argv, env and directory of `how`; `inspector` is the path of convd-inspect; writes spec.files. Errors:
// unavailable, disk_full.
shared::Result<void> run_unconfined(const process::ChildSpec& spec, const Workspace& workspace,
                                    const std::string& inspector, Launch& how);

}  // namespace convd::runner
