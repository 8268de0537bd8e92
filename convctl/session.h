#pragma once
// What every command has: the global flags, the two output streams, and the daemon. Main thread only.

#include <chrono>
#include <memory>
#include <optional>
#include <string>

#include "convctl/client.h"
#include "convctl/progress.h"
#include "convctl/terminal.h"

namespace convctl {

struct Globals {
  std::string socket;
  std::string url;
  std::string token_file;
  bool json = false;
  bool quiet = false;
  ColorMode color = ColorMode::automatic;
  ProgressMode progress = ProgressMode::automatic;
  std::optional<std::chrono::milliseconds> timeout;
  int interval_ms = 0;  // 0: as the transport bears it
};

class Session {
 public:
  explicit Session(const Globals& globals);

  const Globals& globals() const { return globals_; }
  Terminal& out() { return out_; }
  Terminal& err() { return err_; }

  // The daemon of the flags; made at the first call, when --timeout starts to run. Throws Failure (usage).
  Client& client();
  // The least time between two reports of progress: of --interval, else short where no network is between.
  std::chrono::milliseconds interval();
  // From now on the daemon at this socket.
  void use_socket(const std::string& path);

  // Results, to stdout. Throw Failure (io_error).
  void print(std::string_view text);
  // Throws Failure (usage) when stdout is a terminal and this format is not text.
  void refuse_binary(const std::string& extension) const;
  // One line, or indented on a terminal, with "schema":"convctl.v1/<kind>".
  void print_json(shared::Json object, std::string_view kind);
  // NDJSON: always one line.
  void print_json_line(shared::Json object, std::string_view kind);
  // "convctl: message", to stderr.
  void complain(const Failure& failure, const std::string& subject = "");
  // The same for what ends nothing; also with -q.
  void warn(const std::string& text);
  // A remark to stderr, unless -q.
  void remark(const std::string& text);

 private:
  Globals globals_;
  Terminal out_;
  Terminal err_;
  std::unique_ptr<Client> client_;
  ClientLoop::TimerHandle timeout_;
};

}  // namespace convctl
