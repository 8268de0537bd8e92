#include "convd/programs.h"

#include <filesystem>
#include <system_error>

namespace convd {

std::string own_program_directory() {
  std::error_code failed;
  const auto beside = std::filesystem::read_symlink("/proc/self/exe", failed).parent_path();
  if (std::filesystem::exists(beside / "convd-runner", failed)) return beside;
  return beside.parent_path() / "libexec" / "convd";
}

}  // namespace convd
