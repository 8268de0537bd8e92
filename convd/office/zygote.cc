#include "convd/office/zygote.h"

#include <fcntl.h>
#include <signal.h>
#include <sysexits.h>

#include <algorithm>
#include <utility>

#include "convd/office/descriptors.h"
#include "convd/office/log.h"

namespace convd::office {
namespace {

// As from wait(2), of a child that was never there.
constexpr int not_started_status = 126 << 8;

std::int64_t ms_between(const timeval& before, const timeval& after) {
  return (std::int64_t{after.tv_sec} - before.tv_sec) * 1000 + (after.tv_usec - before.tv_usec) / 1000;
}

std::vector<int> all_but(int control) {
  std::vector<int> descriptors = open_descriptors();
  std::erase_if(descriptors, [control](int fd) { return fd <= 2 || fd == control; });
  return descriptors;
}

}  // namespace

void Control::send(const process::OfficeMessage& message, std::vector<loop::UniqueFd> descriptors) {
  waiting_.push_back({process::encode_office(message), std::move(descriptors)});
  flush();
}

void Control::flush() {
  while (!waiting_.empty()) {
    if (process::send_packet(socket_.get(), waiting_.front()) == process::Sent::later) return;
    waiting_.pop_front();  // what can never be sent has no reader: receive() will see the end
  }
}

Zygote::Zygote(loop::UniqueFd control, Work work, const Confinement* confinement, ZygoteOptions options)
    : control_(std::move(control)),
      options_(std::move(options)),
      world_{std::move(work), confinement, all_but(control_.get())},
      spares_(world_, {options_.spares, options_.temp_dir, options_.back_off, options_.patience}),
      idle_since_(Clock::now()) {
  signal(SIGCHLD, SIG_DFL);  // ignored, there would be no status to wait for
}

Zygote::~Zygote() {
  for (const Child& child : children_) kill_all(child.process.child);
  for (const Child& child : children_) {
    Ended ended;
    wait_for(child.process.child, Wait::yes, ended);
  }
}

int Zygote::serve() {
  const std::string confinement = world_.confinement == nullptr ? "NO SANDBOX" : world_.confinement->describe();
  control_.send(process::OfficeReady{options_.version, confinement});
  while (!over()) turn();
  return exit_code_;
}

bool Zygote::over() const {
  return alone_ || (draining_ && children_.empty() && !control_.waits());
}

void Zygote::turn() {
  const auto events = static_cast<short>(control_.waits() ? POLLIN | POLLOUT : POLLIN);
  std::vector<pollfd> watched{{control_.get(), events, 0}};
  for (const Child& child : children_) watched.push_back({child.process.child.pidfd.get(), POLLIN, 0});
  spares_.watch(watched);
  poll(watched.data(), watched.size(), patience_ms());

  control_.flush();
  if (watched.front().revents != 0) receive();
  reap();
  const auto now = Clock::now();
  spares_.look(now);
  if (!draining_ && children_.empty() && now - idle_since_ >= options_.idle) spares_.refill(now);
}

// Until a spare is to be made.
int Zygote::patience_ms() const {
  const auto due = spares_.next_refill();
  if (draining_ || !children_.empty() || !due) return -1;
  const auto until = std::max(*due, idle_since_ + options_.idle) - Clock::now();
  return static_cast<int>(std::max<std::int64_t>(0, std::chrono::ceil<std::chrono::milliseconds>(until).count()));
}

void Zygote::receive() {
  process::Packet packet;
  const process::Received received = control_.receive(packet);
  if (received == process::Received::closed) alone_ = true;
  if (received == process::Received::yes) take(std::move(packet));
}

void Zygote::take(process::Packet packet) {
  auto message = process::decode_office(packet.text);
  if (!message) {
    // Its descriptors are closed here: who waits for output sees the end of it.
    log()->error("a message that cannot be read: {}", message.error().message);
  } else if (auto* convert = std::get_if<process::Convert>(&*message)) {
    start(std::move(*convert), std::move(packet));
  } else if (std::holds_alternative<process::Drain>(*message)) {
    drain();
  } else {
    log()->error("a message that is not for us");
  }
}

void Zygote::start(process::Convert convert, process::Packet packet) {
  const process::ChildId id = convert.id;
  if (draining_) return not_started(id, "no more documents are taken");
  if (const auto right = check(convert, packet.descriptors.size()); !right)
    return not_started(id, right.error().message);
  auto process = process_for(convert, packet);
  if (!process) {
    // More threads than one will not become fewer: another one has to be started in our place.
    exit_code_ = EX_UNAVAILABLE;
    not_started(id, process.error().message);
    return drain();
  }
  std::vector<loop::UniqueFd> pidfd;
  pidfd.emplace_back(fcntl(process->child.pidfd.get(), F_DUPFD_CLOEXEC, 0));
  children_.push_back({id, *std::move(process)});
  control_.send(process::ChildStarted{id}, std::move(pidfd));
}

shared::Result<Handed> Zygote::process_for(process::Convert& convert, process::Packet& packet) {
  if (auto handed = spares_.hand_over(packet)) return *std::move(handed);
  auto forked = fork_child(options_.patience, [&] {
    convert_forked(world_, {std::move(convert), std::move(packet.descriptors)});
  });
  if (!forked) return forked.error();
  return Handed{*std::move(forked), {}};
}

void Zygote::not_started(process::ChildId id, const std::string& why) {
  log()->error("document {} is not begun: {}", id, why);
  control_.send(process::ChildEnded{id, not_started_status, 0, 0, 0});
}

void Zygote::drain() {
  draining_ = true;
  spares_.end_all();
}

void Zygote::reap() {
  std::erase_if(children_, [this](const Child& child) {
    Ended ended;
    if (!wait_for(child.process.child, Wait::no, ended)) return false;
    const rusage& before = child.process.before;
    control_.send(process::ChildEnded{child.id, ended.status, ms_between(before.ru_utime, ended.used.ru_utime),
                                      ms_between(before.ru_stime, ended.used.ru_stime),
                                      std::int64_t{ended.used.ru_maxrss} * 1024});
    idle_since_ = Clock::now();
    return true;
  });
}

}  // namespace convd::office
