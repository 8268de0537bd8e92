#pragma once
// What convd and convd-runner say to each other, as JSON; descriptors travel beside the message. Pure.
//
//   convd -> runner   start {id, spec} + [stdout, stderr, inputs...], kill {id}, release {id}, open {id, name, ticket},
//                     log_level {level}
//   runner -> convd   hello, office (when the warm LibreOffice comes or goes), usage {id, cpu_ms}, outputs {id, files}
//   (before exit, in pieces), exit {id, ...},
//                     opened {ticket} + [file] or {ticket, error}

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "convd/process/child_spec.h"
#include "convd/process/spawner.h"
#include "shared/result.h"

namespace convd::process {

inline constexpr int wire_version = 3;
inline constexpr std::size_t outputs_per_message = 256;

struct Hello {
  int version = wire_version;
  bool sandboxed = false;
  std::string confinement;
  std::string problem;
};
struct Office {
  bool warm = false;
  std::string state;  // for people
};
struct Start {
  ChildId id = 0;
  ChildSpec spec;  // inputs carry names only; their descriptors follow in the same order
};
struct Kill {
  ChildId id = 0;
};
struct Release {
  ChildId id = 0;
};
struct Open {
  ChildId id = 0;
  std::string name;
  std::int64_t ticket = 0;
};
struct Opened {
  std::int64_t ticket = 0;
  std::string error;  // empty: the descriptor is there
};
struct Usage {
  ChildId id = 0;
  std::int64_t cpu_ms = 0;
};
struct Outputs {
  ChildId id = 0;
  std::vector<OutputFile> files;
};
struct Exited {
  ChildId id = 0;
  Exit exit;  // without outputs
};

struct LogLevel {
  std::string level;  // trace, debug, info, warn, error
};

using Message = std::variant<Hello, Office, LogLevel, Start, Kill, Release, Open, Opened, Usage, Outputs, Exited>;

std::string encode(const Message& message);
// Errors: invalid_json with the path.
shared::Result<Message> decode(std::string_view text);

}  // namespace convd::process
