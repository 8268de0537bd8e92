#pragma once
// --sandbox=off: the paths inside (/in, /out, /tmp) become directories of a folder of the child's own. No confinement
// at all.

#include <string>
#include <vector>

#include "convd/loop/unique_fd.h"
#include "convd/process/child_spec.h"
#include "convd/runner/launch.h"
#include "shared/result.h"

namespace convd::runner {

// Fills argv, env and directory of `how`; copies the inputs. The output directory is work_dir/name, which is there
// already. Errors: unavailable, disk_full.
shared::Result<void> run_unconfined(const process::ChildSpec& spec, const std::vector<loop::UniqueFd>& descriptors,
                                    const std::string& work_dir, const std::string& name, uid_t user, Launch& how);
void remove_unconfined(const std::string& work_dir, const std::string& name);

}  // namespace convd::runner
