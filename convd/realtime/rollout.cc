#include "convd/realtime/rollout.h"

#include <algorithm>
#include <cstdint>

namespace convd::realtime {
namespace {

// Behind the name, so that its last characters are mixed as well as its first. Another salt would choose others.
constexpr std::string_view salt = "/convd/realtime/1";
constexpr std::uint64_t slices = 10'000;

// FNV-1a, 64 bits.
std::uint64_t hash(std::uint64_t state, std::string_view text) {
  for (const char c : text) state = (state ^ static_cast<unsigned char>(c)) * 0x100000001b3;
  return state;
}

std::uint64_t slice_of(std::string_view principal) {
  constexpr std::uint64_t offset_basis = 0xcbf29ce484222325;
  return hash(hash(offset_basis, principal), salt) % slices;
}

}  // namespace

bool admits(const RolloutSettings& settings, std::string_view principal) {
  if (!settings.enabled) return false;
  if (std::find(settings.users.begin(), settings.users.end(), principal) != settings.users.end()) return true;
  return slice_of(principal) < static_cast<std::uint64_t>(std::clamp(settings.percent, 0, 100)) * (slices / 100);
}

}  // namespace convd::realtime
