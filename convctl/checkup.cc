#include "convctl/checkup.h"

#include <algorithm>
#include <array>
#include <string_view>

#include "convctl/failure.h"
#include "convctl/json_text.h"

namespace convctl {
namespace {

using shared::Finding;
using shared::Verdict;

struct Look {
  std::string_view word;
  Color color;
};
constexpr std::array<Look, 3> looks{{{"OK", Color::green}, {"WARN", Color::yellow}, {"FAIL", Color::red}}};

}  // namespace

void Checkup::add_all(const shared::JsonReader& report) {
  for (const auto& check : items_at(report, "checks")) {
    auto finding = shared::finding_from(check);
    if (!finding) throw Failure{Exit::protocol, finding.error().message, "is this a convd of the same release?"};
    add(*std::move(finding));
  }
}

bool Checkup::is_healthy() const {
  return std::none_of(findings_.begin(), findings_.end(), [](const Finding& f) { return f.verdict == Verdict::fail; });
}

std::string Checkup::text(const Terminal& terminal, Show show) const {
  std::string lines;
  for (const Finding& finding : findings_) {
    if (show == Show::troubles && finding.verdict == Verdict::ok) continue;
    const Look& look = looks[static_cast<std::size_t>(finding.verdict)];
    lines += terminal.paint(look.color, fit(look.word, 4)) + "  " + printable(finding.name) + ": " +
             printable(finding.message) + (finding.advice ? "; " + printable(*finding.advice) : "") + "\n";
  }
  return lines;
}

shared::Json Checkup::json() const {
  shared::Json all = shared::Json::array();
  for (const Finding& finding : findings_) all.push(shared::to_json(finding));
  return all;
}

}  // namespace convctl
