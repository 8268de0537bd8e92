#include "convd/process/runner_client.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

namespace convd::process {
namespace {

constexpr std::size_t bytes_per_turn = 64 << 10;
constexpr loop::milliseconds pipe_patience{2'000};
constexpr int most_doublings = 3;

struct Pipe {
  loop::UniqueFd read;
  loop::UniqueFd write;
};

Pipe make_pipe() {
  std::array<int, 2> ends{-1, -1};
  if (pipe2(ends.data(), O_CLOEXEC) != 0) return {};
  Pipe pipe{loop::UniqueFd(ends[0]), loop::UniqueFd(ends[1])};
  fcntl(pipe.read.get(), F_SETFL, O_NONBLOCK);
  return pipe;
}

shared::Error workspace_lost() {
  return {shared::ErrorCode::interrupted, "output: convd-runner went away, and the workspace with it", {}};
}

}  // namespace

// A child as convd knows it: its pipes, and its end once the runner has told it. Over when both have come.
class RunnerClient::Child {
 public:
  Child(RunnerClient& client, ChildId id, ChildListener& listener) : client_(client), id_(id), listener_(listener) {}

  void read_from(loop::UniqueFd out, loop::UniqueFd err) {
    open_stream(Stream::out, std::move(out));
    open_stream(Stream::err, std::move(err));
  }
  void add_outputs(std::vector<OutputFile> files) {
    for (OutputFile& file : files) outputs_.push_back(std::move(file));
  }
  void exited(Exit exit) {
    exit_ = std::move(exit);
    exit_->outputs = std::move(outputs_);
    // A process that escaped with the pipe in its hand must not keep the conversion waiting.
    patience_ = client_.loop_.after(pipe_patience, [&client = client_, id = id_] { client.hear_out(id); });
    settle();
  }
  ChildListener& listener() { return listener_; }
  const std::optional<Exit>& exit() const { return exit_; }

  // Its listener may forget it meanwhile.
  void read(Stream stream) {
    const auto index = static_cast<std::size_t>(stream);
    if (!watches_[index]) return;
    std::array<char, bytes_per_turn> bytes;
    const ssize_t length = ::read(pipes_[index].get(), bytes.data(), bytes.size());
    if (length < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (length > 0) return listener_.on_output(stream, {bytes.data(), static_cast<std::size_t>(length)});
    watches_[index].reset();
    pipes_[index].reset();
    settle();
  }
  void stop_reading() {
    for (auto& watch : watches_) watch.reset();
    settle();
  }

 private:
  void open_stream(Stream stream, loop::UniqueFd fd) {
    const auto index = static_cast<std::size_t>(stream);
    pipes_[index] = std::move(fd);
    watches_[index] = client_.loop_.watch(pipes_[index].get(), loop::Io::read, [this, stream] { read(stream); });
  }
  void settle() {
    if (exit_ && !watches_[0] && !watches_[1]) client_.finish(id_);  // destroys this
  }

  RunnerClient& client_;
  ChildId id_;
  ChildListener& listener_;
  std::array<loop::UniqueFd, 2> pipes_;
  std::array<loop::Watch, 2> watches_;
  std::vector<OutputFile> outputs_;
  std::optional<Exit> exit_;
  loop::Timer patience_;
};

RunnerClient::RunnerClient(loop::Loop& loop, loop::milliseconds patience) : loop_(loop), patience_(patience) {
  state_.problem = "";
}

RunnerClient::~RunnerClient() = default;

void RunnerClient::attach(loop::UniqueFd socket) {
  lost();
  channel_ = std::make_unique<Channel>(
      loop_, std::move(socket),
      [this](const std::string& text, std::vector<loop::UniqueFd> descriptors) {
        take_message(text, std::move(descriptors));
      },
      [this] { lost(); });
  expect_word();
}

void RunnerClient::send(const Message& message, std::vector<loop::UniqueFd> descriptors) {
  if (channel_) channel_->send(encode(message), std::move(descriptors));
}

void RunnerClient::fail_later(ChildId id, const std::string& reason) {
  loop_.post([this, id, reason, alive = std::weak_ptr<int>(alive_)] {
    if (alive.expired()) return;
    const auto found = children_.find(id);
    if (found == children_.end()) return;
    Exit exit;
    exit.end = End::not_started;
    exit.reason = reason;
    found->second->exited(std::move(exit));
  });
}

void RunnerClient::set_log_level(const std::string& level) {
  log_level_ = level;
  if (state_.connected) send(LogLevel{level});
}

ChildId RunnerClient::start(const ChildSpec& spec, ChildListener& listener) {
  const ChildId id = ++last_id_;
  Child& child = *children_.emplace(id, std::make_unique<Child>(*this, id, listener)).first->second;
  if (!state_.connected || !state_.problem.empty()) {
    fail_later(id, state_.problem.empty() ? "convd-runner is away" : state_.problem);
    return id;
  }
  Pipe out = make_pipe();
  Pipe err = make_pipe();
  if (!out.write || !err.write || spec.inputs.size() + 2 > most_descriptors) {
    fail_later(id, "no more descriptors");
    return id;
  }
  std::vector<loop::UniqueFd> descriptors;
  descriptors.push_back(std::move(out.write));
  descriptors.push_back(std::move(err.write));
  for (const InputFile& input : spec.inputs) descriptors.emplace_back(fcntl(input.fd, F_DUPFD_CLOEXEC, 0));
  if (!std::all_of(descriptors.begin(), descriptors.end(), [](const loop::UniqueFd& fd) { return bool(fd); })) {
    fail_later(id, "no more descriptors");
    return id;
  }
  std::string text = encode(Start{id, spec});
  if (text.size() > most_message_bytes) {
    fail_later(id, "the command is too long");
    return id;
  }
  child.read_from(std::move(out.read), std::move(err.read));
  channel_->send(std::move(text), std::move(descriptors));
  return id;
}

void RunnerClient::kill(ChildId id) {
  send(Kill{id});
  const auto found = children_.find(id);
  if (found != children_.end() && !found->second->exit()) expect_word();
}

void RunnerClient::expect_word() {
  if (giving_up_) return;
  // On a machine that is too busy a runner that starts takes long each time: some day it must be waited for.
  giving_up_ = loop_.after(patience_ * (1 << silent_), [this] {
    silent_ = std::min(silent_ + 1, most_doublings);
    lost();
  });
}

void RunnerClient::forget(ChildId id) {
  const auto found = children_.find(id);
  if (found != children_.end()) {
    send(Kill{id});
    children_.erase(found);
  }
  send(Release{id});
}

void RunnerClient::open_output(ChildId id, const std::string& name, Opened done) {
  const std::int64_t ticket = ++last_ticket_;
  opening_.emplace(ticket, std::move(done));
  if (state_.connected && id > last_lost_) {
    send(Open{id, name, ticket});
    return expect_word();
  }
  loop_.post([this, ticket, alive = std::weak_ptr<int>(alive_)] {
    if (alive.expired()) return;
    const auto opening = opening_.extract(ticket);
    if (!opening.empty()) opening.mapped()(workspace_lost());
  });
}

void RunnerClient::release(ChildId id) {
  send(Release{id});
}

void RunnerClient::take_message(const std::string& text, std::vector<loop::UniqueFd> descriptors) {
  giving_up_.reset();
  silent_ = 0;
  auto message = decode(text);
  if (!message) return lost();  // a runner that does not keep to the protocol is none
  std::visit([&](auto& value) { take(value, descriptors); }, *message);
}

template <typename T>
void RunnerClient::take(T&, std::vector<loop::UniqueFd>&) {
  lost();
}

void RunnerClient::take(Hello& hello, std::vector<loop::UniqueFd>&) {
  state_.connected = hello.version == wire_version;
  state_.sandboxed = hello.sandboxed;
  state_.confinement = hello.confinement;
  state_.problem =
      state_.connected ? hello.problem : "convd-runner is of another version than convd; install both from one release";
  if (state_.connected && !log_level_.empty()) send(LogLevel{log_level_});
  if (changed_) changed_();
}

void RunnerClient::take(Office& office, std::vector<loop::UniqueFd>&) {
  state_.office_warm = office.warm;
  state_.office = office.state;
  if (changed_) changed_();
}

void RunnerClient::take(process::Opened& opened, std::vector<loop::UniqueFd>& descriptors) {
  const auto found = opening_.find(opened.ticket);
  if (found == opening_.end()) return;
  const Opened done = std::move(found->second);
  opening_.erase(found);
  if (opened.error.empty() && descriptors.size() == 1) return done(std::move(descriptors.front()));
  done(shared::Error{shared::ErrorCode::unavailable, "output: " + opened.error, {}});
}

void RunnerClient::take(Usage& usage, std::vector<loop::UniqueFd>&) {
  const auto found = children_.find(usage.id);
  if (found != children_.end() && !found->second->exit()) found->second->listener().on_usage(usage.cpu_ms);
}

void RunnerClient::take(Outputs& outputs, std::vector<loop::UniqueFd>&) {
  const auto found = children_.find(outputs.id);
  if (found != children_.end()) found->second->add_outputs(std::move(outputs.files));
}

void RunnerClient::take(Exited& exited, std::vector<loop::UniqueFd>&) {
  const auto found = children_.find(exited.id);
  if (found != children_.end()) found->second->exited(std::move(exited.exit));
}

// The loop may be so late that this comes before what can be read: all that a pipe holds is taken once more.
void RunnerClient::hear_out(ChildId id) {
  const auto child = [this, id] {
    const auto found = children_.find(id);
    return found == children_.end() ? nullptr : found->second.get();
  };
  for (const Stream stream : {Stream::out, Stream::err}) {
    if (Child* living = child()) living->read(stream);
  }
  if (Child* living = child()) living->stop_reading();
}

void RunnerClient::finish(ChildId id) {
  const auto found = children_.find(id);
  const std::unique_ptr<Child> child = std::move(found->second);
  children_.erase(found);
  child->listener().on_exit(*child->exit());
}

void RunnerClient::lost() {
  const bool was_attached = channel_ != nullptr;
  last_lost_ = last_id_;
  state_.connected = false;
  state_.office_warm = false;
  state_.office.clear();
  giving_up_.reset();
  channel_.reset();
  std::vector<ChildId> running;
  for (const auto& [id, child] : children_) {
    if (!child->exit()) running.push_back(id);
  }
  for (const ChildId id : running) {
    const auto found = children_.find(id);  // a listener may have forgotten it meanwhile
    if (found != children_.end()) found->second->exited(Exit{});
  }
  std::map<std::int64_t, Opened> opening;
  opening.swap(opening_);
  for (const auto& [ticket, done] : opening) done(workspace_lost());
  if (was_attached && changed_) changed_();
}

}  // namespace convd::process
