#pragma once
// The daemon's configuration: defaults < file < CONVD_* environment < flags. One table of keys serves all three, the
// checks and
// --help; convd.conf(5) documents it.

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "convd/api/origin_rules.h"
#include "convd/engines/described_engine.h"
#include "convd/jobs/manager.h"
#include "convd/realtime/settings.h"
#include "convd/transport/limits.h"
#include "convd/trust/authority.h"
#include "convd/trust/bucket_gate.h"
#include "shared/result.h"

namespace convd {

enum class Sandbox : std::uint8_t { on, off };
enum class LogFormat : std::uint8_t { text, json };

// Who may come over TCP, and what tokens are made of.
struct Trust {
  enum class Auth : std::uint8_t {
    automatic,  // tokens, once there is a key or an address beyond loopback
    token,
    off,
  };
  Auth auth = Auth::automatic;
  std::vector<trust::KeyFile> key_files;
  trust::Expectations expected;
  std::vector<trust::Network> proxies;
  trust::Keys keys;  // what is in key_files, read after everything else
};

struct Config {
  std::string socket;               // path of the Unix socket
  std::vector<std::string> listen;  // "127.0.0.1:8080"; empty: no TCP
  std::string state_dir;
  std::string engines_dir;    // descriptions of further engines
  std::string audit_log;      // path; "none"; empty until everything was read: in the state directory
  std::string runner_socket;  // of a convd-runner that runs by itself; empty: convd starts one
  Sandbox sandbox = Sandbox::on;
  std::string warm_office = "always";  // always, when-needed, never
  std::string log_level = "info";
  LogFormat log_format = LogFormat::text;
  std::int64_t drain_timeout_ms = 30'000;
  std::string admin_group = "convd-admin";
  std::int64_t body_rate = transport::Limits{}.body_rate;
  std::int64_t body_grace_ms = transport::Limits{}.body_grace.count();
  trust::LimitSettings limits;
  api::OriginSettings origins;
  jobs::Settings jobs;
  realtime::Settings realtime;
  Trust trust;
  engines::Described described;  // what is in engines_dir, read after everything else
};

// What the user of this process gets without any configuration (paths differ between root and others).
Config default_config();

// One place a value can come from; errors name it: "/etc/convd/convd.conf:3: slots: expected ...".
struct Source {
  std::string where;  // "file:line", "CONVD_SLOTS" or "--slots"
  std::string key;
  std::string value;
};

// Errors (all three): invalid_option, the message has place, key, value and what was expected.
shared::Result<void> apply(Config& config, const Source& source);
// A missing file is an error only when `required`.
enum class Missing : std::uint8_t { allowed, error };
shared::Result<std::vector<Source>> read_config_file(const std::string& path, Missing missing);
// CONVD_<KEY> for every known key, a dot becoming an underscore, and the aliases some have. Unknown CONVD_* are left
// alone: they may be convctl's.
std::vector<Source> from_environment(const std::function<const char*(const char*)>& get);

// What a flag that is given several times means.
enum class Repeated : std::uint8_t { replaces, adds };

struct KeyHelp {
  std::string key;
  std::string expected;  // "a whole number from 1 to 1024"
  std::string help;
  Repeated repeated = Repeated::replaces;
};
std::vector<KeyHelp> config_keys();

}  // namespace convd
