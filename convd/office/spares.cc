#include "convd/office/spares.h"

#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <system_error>
#include <utility>

#include "convd/office/log.h"

namespace convd::office {

Spares::Spares(const ChildWorld& world, Options options) : world_(world), options_(std::move(options)) {}

Spares::~Spares() {
  end_all();
}

std::optional<Spares::Clock::time_point> Spares::next_refill() const {
  if (spares_.size() >= static_cast<std::size_t>(std::max(options_.count, 0))) return std::nullopt;
  return not_before_;
}

void Spares::refill(Clock::time_point now) {
  const auto due = next_refill();
  if (!due || now < *due) return;
  std::array<int, 2> ends{-1, -1};
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends.data()) != 0) return failed(now);
  Spare spare;
  spare.socket = loop::UniqueFd(ends[0]);
  loop::UniqueFd theirs(ends[1]);
  spare.directory = options_.temp_dir + "/spare-" + std::to_string(++made_);
  auto forked = fork_child(options_.patience, [&] { be_spare(world_, std::move(theirs), spare.directory); });
  if (!forked) {
    log()->warn("no spare child: {}", forked.error().message);
    return failed(now);
  }
  spare.child = std::move(*forked);
  spares_.push_back(std::move(spare));
}

void Spares::failed(Clock::time_point now) {
  constexpr int most_doublings = 6;
  not_before_ = now + options_.back_off * (1 << std::min(failures_++, most_doublings));
}

std::optional<Handed> Spares::hand_over(const process::Packet& packet) {
  for (auto spare = spares_.begin(); spare != spares_.end(); ++spare) {
    if (!spare->ready || process::send_packet(spare->socket.get(), packet) != process::Sent::yes) continue;
    Handed handed{std::move(spare->child), spare->used};
    spares_.erase(spare);
    return handed;
  }
  return std::nullopt;
}

void Spares::watch(std::vector<pollfd>& watched) const {
  for (const Spare& spare : spares_) {
    watched.push_back({spare.child.pidfd.get(), POLLIN, 0});
    if (!spare.ready) watched.push_back({spare.socket.get(), POLLIN, 0});
  }
}

void Spares::look(Clock::time_point now) {
  const auto gone = std::erase_if(spares_, [this](Spare& spare) { return !is_alive(spare); });
  if (gone > 0) failed(now);
}

bool Spares::is_alive(Spare& spare) {
  Ended ended;
  if (wait_for(spare.child, Wait::no, ended)) {
    log()->warn("a spare child ended by itself, with status {:#x}", ended.status);
    std::error_code ignored;
    std::filesystem::remove_all(spare.directory, ignored);
    return false;
  }
  if (spare.ready) return true;
  spare.ready = recv(spare.socket.get(), &spare.used, sizeof spare.used, MSG_DONTWAIT) == sizeof spare.used;
  if (spare.ready) failures_ = 0;
  return true;
}

void Spares::end_all() {
  for (const Spare& spare : spares_) kill_all(spare.child);
  for (const Spare& spare : spares_) {
    Ended ended;
    wait_for(spare.child, Wait::yes, ended);
    std::error_code ignored;
    std::filesystem::remove_all(spare.directory, ignored);
  }
  spares_.clear();
}

}  // namespace convd::office
