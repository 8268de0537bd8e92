#include "convd/engines/office_progress.h"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "convd/engines/progress.h"
#include "convd/process/office_wire.h"

namespace convd::engines {
namespace {

using process::OfficePhase;

constexpr std::size_t longest_note_bytes = std::size_t{64} << 10;
// A document may name as many as it likes.
constexpr std::size_t most_facts = 100;
constexpr std::size_t longest_fact_bytes = 300;

void cut(std::string& fact) {
  if (fact.size() > longest_fact_bytes) fact.resize(longest_fact_bytes);
}

void collect(std::vector<std::string>& facts, std::vector<std::string> news) {
  for (std::string& fact : news) {
    if (facts.size() == most_facts) return;
    cut(fact);
    if (std::find(facts.begin(), facts.end(), fact) == facts.end()) facts.push_back(std::move(fact));
  }
}

class OfficeReader final : public ProgressReader {
 public:
  OfficeReader(PhaseWeights weights, std::string_view unit) : weights_(weights), unit_(unit) {}

  void feed(process::Stream stream, std::string_view bytes, const Report& report) override {
    if (stream != process::Stream::out) return;
    lines_.feed(bytes, [&](std::string_view line) {
      if (auto note = process::decode_note(line)) {
        std::visit([&](auto& told) { take(std::move(told), report); }, *note);
      }
    });
  }

 private:
  void take(process::OfficeStep step, const Report& report) {
    // LibreOffice begins a phase anew where filters are chained: what was behind stays behind.
    if (step.phase < phase_) return;
    phase_ = step.phase;
    Progress progress;
    progress.phase = phase();
    const bool counted = step.total > 0;
    const double part = counted ? static_cast<double>(step.done) / static_cast<double>(step.total) : 0;
    share_ = std::max(share_, before() + weight() * std::clamp(part, 0.0, 1.0));
    progress.share = share_;
    progress.blind = !counted;
    if (counted && phase_ == OfficePhase::writing) {
      progress.done = std::clamp<std::int64_t>(step.done, 0, step.total);
      progress.total = step.total;
      progress.unit = unit_;
    }
    report(progress);
  }
  void take(process::OfficePages pages, const Report&) {
    if (pages.count < 0 || pages.chosen < 0) return;
    facts_.pages = pages.count;
    facts_.pages_out = pages.chosen;
  }
  void take(process::OfficeFonts fonts, const Report&) {
    collect(facts_.fonts_requested, std::move(fonts.requested));
    for (process::OfficeFont& font : fonts.missing) {
      if (facts_.fonts_missing.size() == most_facts) return;
      cut(font.name);
      cut(font.used);
      facts_.fonts_missing.push_back({std::move(font.name), std::move(font.used)});
    }
  }
  void take(process::OfficeLinks links, const Report&) { collect(facts_.links_blocked, std::move(links.blocked)); }
  void take(process::OfficeEarlyPage, const Report&) { facts_.has_early_page = true; }
  // diagnose() reads it from the end of the output.
  void take(const process::OfficeFailed&, const Report&) {}

  Phase phase() const {
    if (phase_ == OfficePhase::reading) return Phase::reading;
    return phase_ == OfficePhase::layout ? Phase::layout : Phase::converting;
  }
  double before() const {
    if (phase_ == OfficePhase::reading) return 0;
    return phase_ == OfficePhase::layout ? weights_.reading : weights_.reading + weights_.layout;
  }
  double weight() const {
    if (phase_ == OfficePhase::reading) return weights_.reading;
    return phase_ == OfficePhase::layout ? weights_.layout : weights_.writing;
  }

  PhaseWeights weights_;
  std::string unit_;
  LineCutter lines_{longest_note_bytes};
  OfficePhase phase_ = OfficePhase::reading;
  double share_ = 0;
};

}  // namespace

std::unique_ptr<ProgressReader> make_office_progress(PhaseWeights weights, std::string_view unit) {
  return std::make_unique<OfficeReader>(weights, unit);
}

}  // namespace convd::engines
