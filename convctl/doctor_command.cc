#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "convctl/checkup.h"
#include "convctl/commands.h"
#include "convctl/json_text.h"
#include "convctl/local_daemon.h"
#include "shared/version.h"

namespace convctl {
namespace {

using shared::Finding;
using shared::Verdict;

Finding failed(const std::string& name, const Failure& failure) {
  return {name, Verdict::fail, failure.message,
          failure.hint.empty() ? std::nullopt : std::optional<std::string>(failure.hint)};
}

void look_at_version(Checkup& checkup, const std::string& daemon) {
  const std::string own(shared::version);
  if (daemon == own)
    checkup.add({"version", Verdict::ok, "convd " + daemon, {}});
  else
    checkup.add({"version", Verdict::warn, "convd " + daemon + ", but convctl is " + own,
                 "install both from one release, and restart convd"});
}

void look_at_socket(Checkup& checkup, const std::string& path) {
  struct stat found {};
  if (stat(path.c_str(), &found) != 0)
    checkup.add({"socket", Verdict::fail, path + ": " + std::strerror(errno), "is this where the daemon listens?"});
  else if (!S_ISSOCK(found.st_mode))
    checkup.add({"socket", Verdict::fail, path + " is no socket", "name another one with --socket"});
  else if (access(path.c_str(), W_OK) != 0)
    checkup.add({"socket", Verdict::fail, path + ": you may not write to it", "convd makes it with mode 0666"});
  else
    checkup.add({"socket", Verdict::ok, path + " is there", {}});
}

void look_at_programs(Checkup& checkup) {
  try {
    checkup.add({"convd", Verdict::ok, find_convd(), {}});
  } catch (const Failure& failure) {
    checkup.add(failed("convd", failure));
  }
  const std::string bubblewrap = "/usr/bin/bwrap";
  if (access(bubblewrap.c_str(), X_OK) == 0)
    checkup.add({"bubblewrap", Verdict::ok, bubblewrap, {}});
  else
    checkup.add({"bubblewrap", Verdict::fail, bubblewrap + ": " + std::strerror(errno), "`apt install bubblewrap`"});
}

void show(Session& session, const Checkup& checkup, shared::Json report) {
  const auto wanted = session.globals().quiet ? Checkup::Show::troubles : Checkup::Show::all;
  if (!session.globals().json) return session.print(checkup.text(session.out(), wanted));
  report.set("checks", checkup.json()).set("healthy", checkup.is_healthy());
  session.print_json(std::move(report), "doctor");
}

// Nobody answers: what can be said from here is what it would take to start one.
void show_without_daemon(Session& session, const Failure& failure) {
  Checkup checkup;
  checkup.add(failed("daemon", failure));
  const Endpoint& endpoint = session.client().endpoint();
  if (endpoint.is_unix()) {
    look_at_socket(checkup, endpoint.socket_path);
    look_at_programs(checkup);
  }
  show(session, checkup, shared::Json::object());
}

shared::Json ask(Session& session) {
  try {
    return session.client().get_json("/v1/doctor");
  } catch (const Failure& failure) {
    if (failure.exit == Exit::unavailable) show_without_daemon(session, failure);
    throw;
  }
}

Exit run_doctor(Session& session) {
  shared::Json report = ask(session);
  Checkup checkup;
  checkup.add({"daemon", Verdict::ok, "answers at " + session.client().endpoint().describe(), {}});
  look_at_version(checkup, text_at(report.read(), "version"));
  checkup.add_all(report.read());
  show(session, checkup, std::move(report));
  return checkup.is_healthy() ? Exit::ok : Exit::config;
}

}  // namespace

Run set_up_doctor(CLI::App&) {
  return run_doctor;
}

}  // namespace convctl
