#include "tests/simulation/runner.h"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <utility>

#include "tests/simulation/documents.h"

namespace simulation {
namespace {

using convd::process::End;
using convd::process::Exit;
using convd::process::Stream;

std::string read_all(int fd) {
  std::array<char, 1024> buffer;
  const ssize_t count = ::pread(fd, buffer.data(), buffer.size(), 0);
  return {buffer.data(), count > 0 ? static_cast<std::size_t>(count) : 0};
}

convd::loop::UniqueFd file_of(const std::string& content) {
  convd::loop::UniqueFd fd(::memfd_create("output", MFD_CLOEXEC));
  if (::write(fd.get(), content.data(), content.size()) != static_cast<ssize_t>(content.size())) fd.reset();
  return fd;
}

Exit exit_of(End how, int status = 0) {
  Exit exit;
  exit.end = how;
  exit.status = status;
  return exit;
}

std::string_view name_of(End how) {
  switch (how) {
    case End::exited:
      return "exits";
    case End::signalled:
      return "crashes";
    case End::killed:
      return "is dead";
    case End::not_started:
      return "is not started";
    case End::out_of_memory:
      return "runs out of memory";
    case End::output_limit:
      return "writes too much";
    case End::lost:
      return "is lost";
  }
  return "ends";
}

Exit exit_with(const std::map<std::string, std::string>& outputs) {
  Exit exit = exit_of(End::exited);
  for (const auto& [name, content] : outputs) exit.outputs.push_back({name, static_cast<std::int64_t>(content.size())});
  return exit;
}

}  // namespace

Runner::ChildId Runner::start(const convd::process::ChildSpec& spec, convd::process::ChildListener& listener) {
  const ChildId id = ++last_id_;
  Child child;
  child.listener = &listener;
  if (!spec.inputs.empty()) {
    // FakeEngine's command line: program, input, target.
    child.conversion = spec.job.substr(0, spec.job.find('/'));
    child.from = spec.argv[1].substr(spec.argv[1].rfind('.') + 1);
    child.to = spec.argv[2];
    child.input = read_all(spec.inputs.front().fd);
    child.fate = draw(child);
    child.lines = child.lines_left = static_cast<int>(dice_.below(4));
    ledger_.run_started(child.conversion, child.from, child.input);
  }
  children_.emplace(id, std::move(child));
  if (!state_.connected) {
    loop_.post([this, id] {
      if (children_.contains(id)) end(id, exit_of(End::not_started));
    });
  } else {
    live(id);
  }
  return id;
}

Fate Runner::draw(const Child& child) {
  if (is_damaged(child.input)) return Fate::gives_up;
  if (!dice_.chance(misbehaving_per_mille_)) return Fate::succeeds;
  return static_cast<Fate>(1 + dice_.below(static_cast<std::size_t>(Fate::is_not_started)));
}

void Runner::live(ChildId id) {
  Child& child = children_.at(id);
  const auto pause = dice_.between(0, most_ms_ / (1 + child.lines));
  child.timer = loop_.after(convd::loop::milliseconds(pause), [this, id] { next(id); });
}

void Runner::next(ChildId id) {
  Child& child = children_.at(id);
  if (child.killed) return end(id, exit_of(End::killed, 9));
  if (child.lines_left > 0 || child.fate == Fate::talks_for_ever) {
    child.lines_left = std::max(0, child.lines_left - 1);
    const int total = child.lines + 1;
    ledger_.sign_of_life(child.conversion);
    child.listener->on_output(Stream::out,
                              "page " + std::to_string(total - child.lines_left) + "/" + std::to_string(total) + "\n");
    return live(id);
  }
  if (child.fate == Fate::hangs) return child.timer.reset();
  finish(id);
}

void Runner::finish(ChildId id) {
  Child& child = children_.at(id);
  if (child.conversion.empty()) {
    child.listener->on_output(Stream::out, "version 1");
    return end(id, exit_of(End::exited));
  }
  const auto right = converted(child.input, child.from, child.to);
  std::map<std::string, std::string> wrong;
  for (const auto& [name, content] : right) wrong[name] = "unfinished";
  switch (child.fate) {
    case Fate::succeeds:
      child.outputs = right;
      return end(id, exit_with(right));
    case Fate::crashes:
    case Fate::gives_up:
    case Fate::runs_out_of_memory:
    case Fate::writes_too_much: {
      static const std::map<Fate, std::pair<End, int>> ends = {
          {Fate::crashes, {End::signalled, 11}},
          {Fate::gives_up, {End::exited, 1}},
          {Fate::runs_out_of_memory, {End::out_of_memory, 9}},
          {Fate::writes_too_much, {End::output_limit, 9}},
      };
      child.outputs = wrong;
      Exit exit = exit_with(wrong);
      std::tie(exit.end, exit.status) = ends.at(child.fate);
      ledger_.run_failed(child.conversion);
      return end(id, std::move(exit));
    }
    case Fate::makes_others:
      child.outputs["notes.log"] = "a log";
      ledger_.run_failed(child.conversion);
      return end(id, exit_with(child.outputs));
    case Fate::lies:
      ledger_.run_failed(child.conversion);
      return end(id, exit_with(right));
    case Fate::is_not_started:
      ledger_.run_failed(child.conversion);
      return end(id, exit_of(End::not_started));
    case Fate::makes_nothing:
    case Fate::hangs:
    case Fate::talks_for_ever:
      break;
  }
  ledger_.run_failed(child.conversion);
  end(id, exit_of(End::exited));
}

void Runner::end(ChildId id, Exit exit) {
  Child& child = children_.at(id);
  if (!std::exchange(child.running, false)) return;
  child.timer.reset();
  if (!child.conversion.empty()) ledger_.run_ended(child.conversion, name_of(exit.end));
  if (auto* listener = std::exchange(child.listener, nullptr)) listener->on_exit(exit);
}

// The tree is dead a moment later; an end of its own may come before.
void Runner::kill(ChildId id) {
  const auto found = children_.find(id);
  if (found == children_.end() || !found->second.running || found->second.killed) return;
  Child& child = found->second;
  if (!child.conversion.empty()) ledger_.run_killed(child.conversion);
  child.killed = true;
  child.timer = loop_.after(convd::loop::milliseconds(dice_.between(0, 50)), [this, id] { next(id); });
}

void Runner::forget(ChildId id) {
  const auto found = children_.find(id);
  if (found == children_.end()) return;
  if (found->second.running && !found->second.conversion.empty())
    ledger_.run_ended(found->second.conversion, "is forgotten");
  children_.erase(found);
}

void Runner::release(ChildId id) {
  children_.erase(id);
}

void Runner::open_output(ChildId id, const std::string& name, Opened done) {
  const auto ticket = ++last_ticket_;
  opening_[ticket] = {id, name, std::move(done)};
  if (dice_.chance(700)) return loop_.post([this, ticket] { opened(ticket); });
  slow_answers_[ticket] =
      loop_.after(convd::loop::milliseconds(dice_.between(0, 20)), [this, ticket] { opened(ticket); });
}

void Runner::opened(std::uint64_t ticket) {
  const auto timer = slow_answers_.extract(ticket);
  const auto found = opening_.extract(ticket);
  if (found.empty()) return;
  const Opening& opening = found.mapped();
  const auto child = children_.find(opening.child);
  const auto fail = [&](shared::ErrorCode code) { opening.done(shared::Error{code, "output", {}}); };
  if (!state_.connected || opening.child <= last_lost_) return fail(shared::ErrorCode::interrupted);
  if (child == children_.end()) return fail(shared::ErrorCode::unavailable);
  const auto output = child->second.outputs.find(opening.name);
  if (output == child->second.outputs.end()) return fail(shared::ErrorCode::unavailable);
  opening.done(file_of(output->second));
}

void Runner::go() {
  state_.connected = false;
  last_lost_ = last_id_;
  std::vector<ChildId> ids;
  for (const auto& [id, child] : children_) {
    if (child.running) ids.push_back(id);
  }
  for (const ChildId id : ids) {
    if (children_.contains(id)) end(id, exit_of(End::lost));
  }
  const auto opening = std::exchange(opening_, {});
  slow_answers_.clear();
  for (const auto& [ticket, one] : opening) one.done(shared::Error{shared::ErrorCode::interrupted, "output", {}});
}

void Runner::come() {
  state_.connected = true;
}

int Runner::running() const {
  return count([](const Child& child) { return child.running; });
}

int Runner::kept() const {
  return count([](const Child&) { return true; });
}

template <typename Test>
int Runner::count(Test test) const {
  return static_cast<int>(std::count_if(children_.begin(), children_.end(), [&](const auto& entry) {
    return !entry.second.conversion.empty() && test(entry.second);
  }));
}

}  // namespace simulation
