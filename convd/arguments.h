#pragma once
// The command line of convd.

#include <string>
#include <vector>

#include "convd/config.h"

namespace convd {

struct Arguments {
  enum class Do : std::uint8_t {
    run,
    check_config,
    stop
  };  // stop: everything has been said (--help, --version, a usage error)
  Do what = Do::run;
  int exit_code = 0;  // for stop
  std::string config_file;
  Missing missing = Missing::allowed;
  std::vector<Source> flags;  // what was given, in order
};

// Prints help, version and usage errors itself.
Arguments parse_arguments(int argc, char** argv);

// Defaults, then file, then environment, then flags. Errors: invalid_option.
shared::Result<Config> load_config(const Arguments& arguments);

}  // namespace convd
