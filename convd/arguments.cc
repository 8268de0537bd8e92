#include "convd/arguments.h"

#include <sysexits.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <set>

#include "convd/engines/description_file.h"
#include "convd/trust_policy.h"
#include "shared/version.h"

namespace convd {
namespace {

std::string flag_of(std::string key) {
  for (char& c : key) c = c == '_' || c == '.' ? '-' : c;
  return "--" + key;
}

std::string default_config_file() {
  return "/etc/convd/convd.conf";
}

}  // namespace

Arguments parse_arguments(int argc, char** argv) {
  Arguments arguments;
  arguments.config_file = default_config_file();
  CLI::App app{
      "Converts documents as jobs that can be watched.\n\nEvery key of convd.conf(5) is also a flag and a CONVD_* "
      "variable; "
      "flags win over the environment, the environment over the file."};
  app.name("convd");
  app.set_version_flag("--version", std::string("convd ") + shared::version);
  auto* file = app.add_option("--config", arguments.config_file, "Configuration file")->capture_default_str();
  bool check = false;
  app.add_flag("--check-config", check, "Check the configuration and do nothing else");

  std::map<std::string, std::vector<std::string>> given;
  const std::vector<KeyHelp> keys = config_keys();
  for (const KeyHelp& key : keys) {
    app.add_option(flag_of(key.key), given[key.key], key.help + " (" + key.expected + ")")
        ->type_name("VALUE")
        ->expected(1)
        ->take_all();
  }
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    arguments.what = Arguments::Do::stop;
    arguments.exit_code = app.exit(error) == 0 ? 0 : EX_USAGE;
    return arguments;
  }
  if (check) arguments.what = Arguments::Do::check_config;
  if (file->count() > 0) arguments.missing = Missing::error;
  for (const KeyHelp& key : keys) {
    const std::vector<std::string>& values = given[key.key];
    std::string value;
    for (const std::string& one : values) {
      value = key.repeated == Repeated::adds && !value.empty() ? value + " " + one : one;
    }
    if (!values.empty()) arguments.flags.push_back({flag_of(key.key), key.key, value});
  }
  return arguments;
}

shared::Result<Config> load_config(const Arguments& arguments) {
  Config config = default_config();
  auto sources = read_config_file(arguments.config_file, arguments.missing);
  if (!sources) return sources.error();
  for (Source& source : from_environment([](const char* name) -> const char* { return std::getenv(name); })) {
    sources->push_back(std::move(source));
  }
  sources->insert(sources->end(), arguments.flags.begin(), arguments.flags.end());
  for (const Source& source : *sources) {
    if (auto outcome = apply(config, source); !outcome) return outcome.error();
  }
  if (config.engines_dir != default_config().engines_dir && !std::filesystem::is_directory(config.engines_dir))
    return shared::Error{
        shared::ErrorCode::invalid_option, "engines_dir: expected a directory, got \"" + config.engines_dir + "\"", {}};
  if (config.audit_log.empty()) config.audit_log = config.state_dir + "/audit.log";
  auto described = engines::read_engine_descriptions(config.engines_dir);
  if (!described) return described.error();
  config.described = *std::move(described);
  if (auto trusted = complete_trust(config); !trusted) return trusted.error();
  return config;
}

}  // namespace convd
