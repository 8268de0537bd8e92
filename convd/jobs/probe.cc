#include "convd/jobs/probe.h"

#include <algorithm>
#include <utility>

#include "convd/jobs/log.h"

namespace convd::jobs {
namespace {

constexpr loop::milliseconds patience{20'000};
constexpr loop::milliseconds runner_poll{2'000};
constexpr std::size_t most_printed_bytes = 16'384;

}  // namespace

Probe::Probe(loop::Loop& loop, process::Spawner& spawner, engines::Registry& registry)
    : loop_(loop), spawner_(spawner), registry_(registry) {}

Probe::~Probe() {
  if (child_ != 0) spawner_.forget(child_);
}

void Probe::start() {
  next();
}

void Probe::next() {
  timer_.reset();
  for (; index_ < registry_.engines().size(); ++index_) {
    const engines::EngineState& state = registry_.engines()[index_];
    if (!state.available || !state.version.empty() || state.engine->version_command().empty()) continue;
    if (!spawner_.state().connected) {
      timer_ = loop_.after(runner_poll, [this] { next(); });
      return;
    }
    return begin(*state.engine);
  }
}

void Probe::begin(const engines::Engine& engine) {
  process::ChildSpec spec;
  spec.job = "version/" + engine.name();
  spec.argv = engine.version_command();
  spec.read_only = engine.read_only();
  spec.nice = 19;
  printed_.clear();
  child_ = spawner_.start(spec, *this);
  timer_ = loop_.after(patience, [this] { spawner_.kill(child_); });
}

void Probe::on_output(process::Stream, std::string_view bytes) {
  printed_ += bytes.substr(0, most_printed_bytes - std::min(printed_.size(), most_printed_bytes));
}

void Probe::on_exit(const process::Exit& exit) {
  const process::ChildId child = std::exchange(child_, 0);
  // Until the next turn: the spawner is still inside its call.
  timer_ = loop_.after(loop::milliseconds(0), [this, child, exit] {
    spawner_.release(child);
    const bool runner_went =
        exit.end == process::End::lost || (exit.end == process::End::not_started && !spawner_.state().connected);
    if (!runner_went) take_version(*registry_.engines()[index_++].engine, exit);
    next();
  });
}

void Probe::take_version(const engines::Engine& engine, const process::Exit& exit) {
  const std::string version = engine.read_version(printed_);
  if (!version.empty()) {
    registry_.set_version(engine.name(), version);
    return;
  }
  log()->warn("the version of {} could not be read: {}", engine.name(),
              exit.reason.empty() ? "exit status " + std::to_string(exit.status) : exit.reason);
}

}  // namespace convd::jobs
