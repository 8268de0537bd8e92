// convd: accepts conversions over HTTP and WebSocket, keeps them, has them run in sandboxes by convd-runner. See
// convd(8).

#include <sysexits.h>

#include <csignal>
#include <cstdio>
#include <exception>
#include <optional>

#include "convd/arguments.h"
#include "convd/daemon.h"
#include "convd/logging.h"
#include "convd/loop/ev_loop.h"
#include "convd/loop/signal_mask.h"
#include "convd/state_lock.h"
#include "convd/store/store.h"
#include "convd/trust/audit_file.h"

namespace {

int complain(const std::string& message, int exit_code) {
  std::fprintf(stderr, "convd: %s\n", message.c_str());
  return exit_code;
}

// After the lock: one daemon at a time writes it.
shared::Result<std::optional<convd::trust::AuditFile>> open_audit_file(const convd::Config& config) {
  std::optional<convd::trust::AuditFile> none;
  if (config.audit_log == "none") return none;
  auto file = convd::trust::AuditFile::open(config.audit_log);
  if (!file) return file.error();
  return std::optional(*std::move(file));
}

int serve(const convd::Arguments& arguments) {
  auto config = convd::load_config(arguments);
  if (!config) return complain(config.error().message, EX_CONFIG);
  if (arguments.what == convd::Arguments::Do::check_config) return complain("the configuration is good", EX_OK);

  convd::start_logging(config->log_level, config->log_format);
  auto lock = convd::StateLock::take(config->state_dir);
  if (!lock) return complain(lock.error().message, EX_UNAVAILABLE);

  convd::loop::EvLoop loop;
  auto store = convd::store::Store::open(config->state_dir, loop);
  if (!store) return complain(store.error().message, EX_UNAVAILABLE);
  auto audit_file = open_audit_file(*config);
  if (!audit_file) return complain(audit_file.error().message, EX_CONFIG);
  convd::Daemon daemon(loop, **store, *std::move(audit_file), arguments, *config);
  return daemon.run();
}

}  // namespace

int main(int argc, char** argv) {
  std::signal(SIGPIPE, SIG_IGN);  // a peer that goes away is an error of its connection, not of the process
  // Whoever has moved the audit log away may say so while the database is opened: the daemon hears it when it listens.
  convd::loop::hold_signals({SIGHUP});
  const convd::Arguments arguments = convd::parse_arguments(argc, argv);
  if (arguments.what == convd::Arguments::Do::stop) return arguments.exit_code;
  try {
    return serve(arguments);
  } catch (const std::exception& error) {
    return complain(error.what(), EX_SOFTWARE);
  }
}
