#include "convd/daemon.h"

#include <spdlog/spdlog.h>
#include <sysexits.h>

#include <tuple>
#include <utility>

#include "convd/loop/signal_mask.h"
#include "convd/programs.h"
#include "convd/service_manager.h"
#include "convd/trust_policy.h"
#include "shared/version.h"

namespace convd {
namespace {

// How often, and how many times at most, the end waits for connections to take their last bytes.
constexpr loop::milliseconds last_turn{20};
constexpr int last_turns = 100;

std::shared_ptr<spdlog::logger> log() {
  return spdlog::get("convd");
}

process::RunnerOptions runner_options(const Config& config) {
  return {.program = own_program_directory() + "/convd-runner",
          .socket = config.runner_socket,
          .work_dir = config.state_dir + "/work",
          .sandbox = config.sandbox == Sandbox::on,
          .warm_office = config.warm_office,
          .log_level = config.log_level};
}

transport::Limits transport_limits(const Config& config) {
  transport::Limits limits;
  limits.body_rate = config.body_rate;
  limits.body_grace = transport::milliseconds(config.body_grace_ms);
  return limits;
}

}  // namespace

Daemon::Daemon(loop::EvLoop& loop, store::Store& store, std::optional<trust::AuditFile> audit_file, Arguments arguments,
               Config config)
    : loop_(loop),
      store_(store),
      config_(std::move(config)),
      audit_(loop, std::move(audit_file)),
      runner_(loop),
      runner_process_(loop, runner_, runner_options(config_)),
      registry_(engines::Registry::installed("", own_program_directory(), config_.described)),
      board_(loop),
      manager_(loop, store, registry_, runner_, board_, config_.jobs),
      machine_(config_.state_dir),
      realtime_(loop, store, manager_, config_.realtime),
      pulse_(loop, store),
      authority_(loop, policy_of(config_)),
      operations_({config_, manager_, runner_, pulse_, realtime_.system_news, authority_}, std::move(arguments)),
      gate_(config_.limits),
      edge_(gate_, config_.origins, loop),
      router_(manager_, store, loop, machine_, realtime_, operations_, authority_, edge_, audit_),
      server_(loop, router_,
              {.limits = transport_limits(config_),
               .admin_group = config_.admin_group,
               .reach = needs_tokens(config_) ? transport::Reach::anywhere : transport::Reach::loopback}) {}

int Daemon::run() {
  log()->info("convd {} with state in {}", shared::version, config_.state_dir);
  if (config_.sandbox == Sandbox::off) {
    log()->warn(
        "THE SANDBOX IS OFF: documents are converted without confinement. Never do this with documents of strangers.");
  }
  if (!config_.listen.empty() && !needs_tokens(config_))
    log()->warn(
        "auth is off: everybody on this machine can use convd over TCP as \"local\"; see auth in convd.conf(5)");
  for (const int number : {SIGTERM, SIGINT}) signals_.push_back(loop_.on_signal(number, [this] { terminate(); }));
  signals_.push_back(loop_.on_signal(SIGHUP, [this] { hang_up(); }));
  loop::let_signals_through({SIGHUP});
  runner_process_.start([this] { runner_spoke(); });
  loop_.run();
  // While the parts are taken down nobody hears them, and they would end the process in the middle of that.
  loop::hold_signals({SIGTERM, SIGINT, SIGHUP});
  return exit_code_;
}

void Daemon::runner_spoke() {
  const process::RunnerState state = runner_.state();
  if (!state.problem.empty()) {
    log()->error("the sandbox does not hold: {}", state.problem);
    if (phase_ != Phase::starting) return;
    log()->error("not starting; mend it, or give --sandbox=off to convert without confinement");
    return stop_with(EX_UNAVAILABLE);
  }
  if (!state.connected) return log()->warn("convd-runner is away; conversions wait for it");
  if (std::exchange(told_confinement_, state.confinement) != state.confinement)
    log()->info("convd-runner: {}", state.confinement);
  if (!state.office.empty() && std::exchange(told_office_, state.office) != state.office)
    log()->info("warm office: {}", state.office);
  if (phase_ == Phase::starting) recover();
}

void Daemon::recover() {
  phase_ = Phase::recovering;
  manager_.recover([this](shared::Result<void> recovered) {
    if (!recovered) {
      log()->error("recovery: {}", recovered.error().message);
      return stop_with(EX_UNAVAILABLE);
    }
    if (phase_ == Phase::recovering) listen();
  });
}

// After recovery, so that no client sees a state that recovery is about to change.
void Daemon::listen() {
  if (auto opened = open_listeners(); !opened) {
    log()->error("{}", opened.error().message);
    return stop_with(opened.error().code == shared::ErrorCode::invalid_option ? EX_CONFIG : EX_UNAVAILABLE);
  }
  phase_ = Phase::serving;
  watch_over();
  service_manager::ready(operations_.status());
  if (reload_wanted_) reload();
}

shared::Result<void> Daemon::open_listeners() {
  auto inherited = service_manager::inherited_sockets();
  for (loop::UniqueFd& socket : inherited) {
    auto name = server_.adopt_listener(std::move(socket));
    if (!name) return name.error();
    machine_.listens_on(*name);
  }
  if (!inherited.empty()) {
    compare_listeners();
    return {};
  }
  if (auto opened = server_.listen_unix(config_.socket); !opened) return opened.error();
  machine_.listens_on(config_.socket);
  for (const std::string& address : config_.listen) {
    auto name = server_.listen_tcp(address);
    if (!name) return name.error();
    machine_.listens_on(*name);
  }
  return {};
}

// A key that somebody has set must not be without effect in silence.
void Daemon::compare_listeners() {
  if (config_.listen == default_config().listen) return;
  for (const std::string& address : machine_.compare_with(config_.listen))
    log()->warn("not listening on {}: the sockets come from systemd, see convd(8)", address);
}

// A daemon whose loop turns but which cannot commit is not alive.
void Daemon::watch_over() {
  Pulse::Settings settings;
  if (const auto period = service_manager::watchdog_period()) settings.period = *period;
  pulse_.start(settings, [] { service_manager::alive(); });
}

// Whoever has moved the audit log away waits for this, whatever the daemon is doing.
void Daemon::hang_up() {
  audit_.reopen();
  reload();
}

// While it starts the configuration is on its way into the parts; when it leaves nothing is worth changing.
void Daemon::reload() {
  reload_wanted_ = phase_ != Phase::serving;
  if (reload_wanted_) return;
  std::ignore = operations_.reload();  // which has logged what there is to say
}

void Daemon::terminate() {
  if (phase_ == Phase::draining) {
    log()->info("told to stop again: stopping now, running conversions go on after the next start");
    return stop_with(EX_OK);
  }
  if (phase_ != Phase::serving) return stop_with(EX_OK);
  phase_ = Phase::draining;
  log()->info("draining for at most {} ms", config_.drain_timeout_ms);
  service_manager::stopping("draining");
  realtime_.system_news.draining("convd is leaving: what runs may finish, nothing new is accepted");
  manager_.drain(loop::milliseconds(config_.drain_timeout_ms), [this] { stop_with(EX_OK); });
}

void Daemon::stop_with(int exit_code) {
  if (phase_ == Phase::leaving) return;
  phase_ = Phase::leaving;
  exit_code_ = exit_code;
  service_manager::stopping("leaving");
  realtime_.connections.leave();
  server_.stop();
  leave_when_quiet(last_turns);
}

void Daemon::leave_when_quiet(int turns) {
  const auto counts = server_.counts();
  if (turns == 0 || counts.http + counts.websockets == 0) return loop_.stop();
  patience_ = loop_.after(last_turn, [this, turns] { leave_when_quiet(turns - 1); });
}

}  // namespace convd
