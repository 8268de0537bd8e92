#include "convd/runner/server.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <utility>
#include <variant>

#include "convd/loop/crash_point.h"

namespace convd::runner {

Server::Server(loop::Loop& loop, const Confinement& confinement, OfficePool& office, std::string problem,
               loop::UniqueFd socket, loop::Task gone)
    : loop_(loop),
      confinement_(confinement),
      office_(office),
      problem_(std::move(problem)),
      gone_(std::move(gone)),
      channel_(
          loop, std::move(socket),
          [this](const std::string& text, std::vector<loop::UniqueFd> descriptors) {
            take_message(text, std::move(descriptors));
          },
          [this] { gone_(); }),
      disk_(loop, confinement_.work_dir()) {
  process::Hello hello;
  hello.sandboxed = confinement_.options.sandbox;
  hello.confinement = confinement_.describe();
  hello.problem = problem_;
  send(hello);
  office_.on_change([this] { tell_office(); });
  tell_office();
}

// All are told to end before the first is waited for.
Server::~Server() {
  office_.on_change({});
  for (const auto& [id, child] : children_) child->kill();
}

void Server::tell_office() {
  send(process::Office{office_.is_warm(), office_.state()});
}

void Server::send(const process::Message& message, std::vector<loop::UniqueFd> descriptors) {
  channel_.send(process::encode(message), std::move(descriptors));
}

void Server::take_message(const std::string& text, std::vector<loop::UniqueFd> descriptors) {
  auto message = process::decode(text);
  if (!message) {
    spdlog::error("a message that cannot be read: {}", message.error().message);
    return gone_();
  }
  std::visit([&](auto& value) { take(value, std::move(descriptors)); }, *message);
}

template <typename T>
void Server::take(T&, std::vector<loop::UniqueFd>) {
  gone_();
}

void Server::take(process::LogLevel& wanted, std::vector<loop::UniqueFd>) {
  spdlog::set_level(spdlog::level::from_str(wanted.level));
  spdlog::log(spdlog::get_level(), "log_level is {} now", wanted.level);
}

int Server::free_slot() const {
  std::set<int> used;
  for (const auto& [id, child] : children_) used.insert(child->slot());
  int slot = 0;
  while (used.contains(slot)) ++slot;
  return slot;
}

void Server::take(process::Start& start, std::vector<loop::UniqueFd> descriptors) {
  const process::ChildId id = start.id;
  const int slot = free_slot();
  if (children_.contains(id) || slot >= most_children || !problem_.empty()) {
    process::Exit exit;
    exit.end = process::End::not_started;
    exit.reason = problem_.empty() ? "too many children" : problem_;
    return exited(id, exit);
  }
  Child::Listener listener{[this, id](std::int64_t cpu_ms) {
                             send(process::Usage{id, cpu_ms});
                           },
                           [this, id](const process::Exit& exit) { exited(id, exit); }};
  auto child = std::make_unique<Child>(loop_, confinement_, &office_, &disk_, id, slot, std::move(listener));
  Child& started = *child;
  children_.emplace(id, std::move(child));
  started.start(std::move(start.spec), std::move(descriptors));
  loop::crash_point("runner.started");
}

void Server::exited(process::ChildId id, const process::Exit& exit) {
  loop::crash_point("runner.child_ended");
  const auto& files = exit.outputs;
  for (std::size_t at = 0; at < files.size(); at += process::outputs_per_message) {
    const auto end = std::min(files.size(), at + process::outputs_per_message);
    send(process::Outputs{
        id, {files.begin() + static_cast<std::ptrdiff_t>(at), files.begin() + static_cast<std::ptrdiff_t>(end)}});
  }
  process::Exited message{id, exit};
  message.exit.outputs.clear();
  send(message);
}

void Server::take(process::Kill& kill, std::vector<loop::UniqueFd>) {
  const auto found = children_.find(kill.id);
  if (found != children_.end()) found->second->kill();
}

void Server::take(process::Release& release, std::vector<loop::UniqueFd>) {
  children_.erase(release.id);
}

void Server::take(process::Open& open, std::vector<loop::UniqueFd>) {
  const auto found = children_.find(open.id);
  if (found == children_.end()) return send(process::Opened{open.ticket, "the workspace is gone"});
  auto file = found->second->open_output(open.name);
  if (!file) return send(process::Opened{open.ticket, file.error().message});
  std::vector<loop::UniqueFd> descriptors;
  descriptors.push_back(*std::move(file));
  send(process::Opened{open.ticket, ""}, std::move(descriptors));
}

}  // namespace convd::runner
