#include "convd/jobs/fonts.h"

#include <utility>

#include "convd/loop/wall_clock.h"

namespace convd::jobs {
namespace {

constexpr loop::milliseconds glance_period{3'000};
constexpr loop::milliseconds look_period{60'000};
// The warm office is looked after once a minute, and takes some seconds to be replaced.
constexpr std::int64_t settling_ms = 120'000;

}  // namespace

Fonts::Fonts(loop::Loop& loop, store::Store& store, std::vector<std::string> roots)
    : loop_(loop), store_(store), roots_(std::move(roots)) {}

Fonts::~Fonts() {
  *alive_ = false;
}

void Fonts::look() {
  fonts_ = process::look_at_fonts(roots_);
  looked_ = glanced_ = loop_.now();
}

std::optional<std::string> Fonts::stamp() {
  if (fonts_ && loop_.now() - glanced_ >= glance_period) {
    glanced_ = loop_.now();
    if (process::directories_changed(*fonts_)) fonts_.reset();
  }
  if (!fonts_ || loop_.now() - looked_ >= look_period) look_again();
  if (!fonts_) return std::nullopt;
  const std::int64_t age_ms = loop::wall_ms(loop_) - fonts_->changed_ms;
  // A time yet to come says nothing.
  if (age_ms >= 0 && age_ms < settling_ms) return std::nullopt;
  return fonts_->stamp;
}

void Fonts::look_again() {
  if (std::exchange(looking_, true)) return;
  const auto seen = std::make_shared<process::FontSet>();
  const auto look = [seen, roots = roots_](store::Files&) -> shared::Result<void> {
    *seen = process::look_at_fonts(roots);
    return {};
  };
  store_.submit(look, nullptr, [this, alive = alive_, seen](const shared::Result<void>& outcome) {
    if (!*alive) return;
    looking_ = false;
    looked_ = glanced_ = loop_.now();
    if (outcome) fonts_ = std::move(*seen);
  });
}

}  // namespace convd::jobs
