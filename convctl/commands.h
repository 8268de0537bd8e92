#pragma once
// One row per subcommand: its name, what it is for, examples, and how its options are set up. Main thread only.

#include <CLI/CLI.hpp>
#include <functional>
#include <string>
#include <vector>

#include "convctl/session.h"

namespace convctl {

// Runs a command whose options have been parsed. Throws Failure.
using Run = std::function<Exit(Session&)>;

struct CommandRow {
  const char* name;
  const char* summary;
  const char* examples;
  Run (*set_up)(CLI::App& command);
};

Run set_up_convert(CLI::App& command);
Run set_up_watch(CLI::App& command);
Run set_up_wait(CLI::App& command);
Run set_up_events(CLI::App& command);
Run set_up_status(CLI::App& command);
Run set_up_ls(CLI::App& command);
Run set_up_result(CLI::App& command);
Run set_up_cancel(CLI::App& command);
Run set_up_retry(CLI::App& command);
Run set_up_rm(CLI::App& command);
Run set_up_note(CLI::App& command);
Run set_up_notes(CLI::App& command);
Run set_up_watchers(CLI::App& command);
Run set_up_usage(CLI::App& command);
Run set_up_metrics(CLI::App& command);
Run set_up_formats(CLI::App& command);
Run set_up_engines(CLI::App& command);
Run set_up_doctor(CLI::App& command);
Run set_up_top(CLI::App& command);
Run set_up_drain(CLI::App& command);
Run set_up_pause(CLI::App& command);
Run set_up_resume(CLI::App& command);
Run set_up_reload(CLI::App& command);
Run set_up_log_level(CLI::App& command);
Run set_up_token(CLI::App& command);
Run set_up_completion(CLI::App& command);
Run set_up_version(CLI::App& command);

// The whole command line: global flags and every command of the table.
class CommandLine {
 public:
  CommandLine();
  CLI::App& app() { return app_; }
  // The command that was named; after a successful parse.
  Run run() const;
  // Throws Failure (usage).
  Globals globals() const;

 private:
  CLI::App app_;
  Globals globals_;
  std::string output_ = "table";
  std::string color_ = "auto";
  std::string progress_ = "auto";
  std::string timeout_;
  std::vector<std::pair<CLI::App*, Run>> commands_;
};

// A duration option. Throws Failure (usage) that names the flag.
std::optional<std::chrono::milliseconds> duration_from(const std::string& flag, const std::string& text);

}  // namespace convctl
