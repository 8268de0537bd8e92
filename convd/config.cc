#include "convd/config.h"

#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <cstdlib>
#include <fstream>
#include <thread>

#include "convd/config_keys.h"

namespace convd {
namespace {

using shared::Error;
using shared::ErrorCode;
using shared::Result;

std::string trimmed(std::string_view text) {
  const auto first = text.find_first_not_of(" \t\r");
  if (first == std::string_view::npos) return {};
  return std::string(text.substr(first, text.find_last_not_of(" \t\r") - first + 1));
}

std::string variable_of(const std::string& key) {
  std::string variable = "CONVD_";
  for (const char c : key) variable += c == '.' ? '_' : static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  return variable;
}

std::string user_directory(const char* variable, const std::string& below_home) {
  if (const char* set = std::getenv(variable); set != nullptr && *set == '/') return set;
  const char* home = std::getenv("HOME");
  if (!below_home.empty() && home != nullptr && *home == '/') return home + below_home;
  return "/tmp/convd-" + std::to_string(getuid());
}

}  // namespace

Config default_config() {
  Config config;
  config.listen = {"127.0.0.1:8080"};
  config.jobs.slots = std::clamp(static_cast<int>(std::thread::hardware_concurrency()), 1, jobs::most_slots);
  config.jobs.short_slots = 1;
  if (geteuid() == 0) {
    config.socket = "/run/convd/convd.sock";
    config.state_dir = "/var/lib/convd";
    config.engines_dir = "/etc/convd/engines.d";
  } else {
    config.socket = user_directory("XDG_RUNTIME_DIR", "") + "/convd/convd.sock";
    config.state_dir = user_directory("XDG_STATE_HOME", "/.local/state") + "/convd";
    config.engines_dir = user_directory("XDG_CONFIG_HOME", "/.config") + "/convd/engines.d";
  }
  return config;
}

Result<void> apply(Config& config, const Source& source) {
  for (const Key& key : keys()) {
    if (key.name != source.key) continue;
    if (key.set(config, source.value)) return {};
    return Error{ErrorCode::invalid_option,
                 source.where + ": " + key.name + ": expected " + key.expected + ", got \"" + source.value + "\"",
                 {}};
  }
  std::string known;
  for (const Key& key : keys()) known += (known.empty() ? "" : ", ") + key.name;
  return Error{
      ErrorCode::invalid_option, source.where + ": unknown key \"" + source.key + "\"; known are " + known, {}};
}

Result<std::vector<Source>> read_config_file(const std::string& path, Missing missing) {
  std::ifstream file(path);
  if (!file) {
    if (missing == Missing::allowed && access(path.c_str(), F_OK) != 0) return std::vector<Source>{};
    return Error{ErrorCode::invalid_option, path + ": cannot be read", {}};
  }
  std::vector<Source> sources;
  std::string line;
  for (int number = 1; std::getline(file, line); ++number) {
    const std::string text = trimmed(line);
    if (text.empty() || text.front() == '#') continue;
    const std::string where = path + ":" + std::to_string(number);
    const auto equals = text.find('=');
    if (equals == std::string::npos)
      return Error{ErrorCode::invalid_option, where + ": expected \"key = value\", got \"" + text + "\"", {}};
    sources.push_back({where, trimmed(text.substr(0, equals)), trimmed(text.substr(equals + 1))});
  }
  return sources;
}

std::vector<Source> from_environment(const std::function<const char*(const char*)>& get) {
  std::vector<Source> sources;
  for (const Key& key : keys()) {
    // The key's own variable comes last and so wins.
    for (const std::string& variable : {key.alias, variable_of(key.name)}) {
      const char* value = variable.empty() ? nullptr : get(variable.c_str());
      if (value != nullptr) sources.push_back({variable, key.name, value});
    }
  }
  return sources;
}

std::vector<KeyHelp> config_keys() {
  std::vector<KeyHelp> all;
  for (const Key& key : keys()) all.push_back({key.name, key.expected, key.help, key.repeated});
  return all;
}

}  // namespace convd
