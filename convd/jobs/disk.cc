#include "convd/jobs/disk.h"

#include <algorithm>

#include "convd/jobs/log.h"

namespace convd::jobs {
namespace {

constexpr loop::milliseconds look_period{1'000};

// A small result takes three of them, and what was accepted already needs its own.
constexpr std::int64_t least_files = 2'000;

std::int64_t reopening(std::int64_t least) {
  return least + least / 8;
}

}  // namespace

Disk::Disk(loop::Loop& loop, store::Store& store, const Settings& settings)
    : loop_(loop), store_(store), settings_(settings), timer_(loop.every(look_period, [this] { look(); })) {}

Disk::~Disk() {
  *alive_ = false;
}

bool Disk::is_exhausted() const {
  return store_.files().reserve().is_spent() || free_bytes() < store::Reserve::size_bytes;
}

std::optional<shared::Error> Disk::refusal() const {
  const std::int64_t floor = settings_.disk_floor_bytes;
  const std::int64_t free = free_bytes();
  const auto files = store_.files().file_room();
  const auto edge = [this](std::int64_t least) { return closed_ ? reopening(least) : least; };
  const bool closed = is_exhausted() || free < edge(floor) || files.free < edge(std::min(least_files, files.all / 20));
  if (closed != closed_) {
    if (closed) {
      log()->warn("nothing new is accepted: {} bytes and {} files are free, disk_floor is {}", free, files.free, floor);
    } else {
      log()->info("new work is accepted again: {} bytes are free", free);
    }
    closed_ = closed;
  }
  if (!closed) return std::nullopt;
  return shared::Error{
      shared::ErrorCode::disk_full, "the disk is nearly full: nothing new is accepted until there is room", {}};
}

void Disk::look() {
  if (store_.files().reserve().is_spent()) restore_reserve();
  (void)refusal();  // says it in the log when nobody asks
}

void Disk::restore_reserve() {
  const std::int64_t needed = reopening(settings_.disk_floor_bytes) + store::Reserve::size_bytes;
  if (restoring_ || free_bytes() < std::max(needed, 2 * store::Reserve::size_bytes)) return;
  restoring_ = true;
  store_.submit([](store::Files& files) { return files.reserve().restore(); }, nullptr,
                [this, alive = alive_](const shared::Result<void>& restored) {
                  if (!*alive) return;
                  restoring_ = false;
                  if (restored) log()->info("space for a full disk is held back again");
                });
}

}  // namespace convd::jobs
