#include "convd/engines/warnings.h"

#include <algorithm>
#include <string>
#include <utility>

#include "convd/engines/progress.h"

namespace convd::engines {
namespace {

constexpr std::size_t most_warnings = 20;
constexpr std::size_t longest_warning_bytes = 300;

class WarningReader final : public ProgressReader {
 public:
  WarningReader(const WarningSigns& signs, std::unique_ptr<ProgressReader> inner)
      : signs_(signs), inner_(std::move(inner)) {}

  void feed(process::Stream stream, std::string_view bytes, const Report& report) override {
    if (inner_) {
      inner_->feed(stream, bytes, report);
      facts_.pages = inner_->facts().pages;
      facts_.pages_out = inner_->facts().pages_out;
    }
    if (stream == process::Stream::err) lines_.feed(bytes, [this](std::string_view line) { read(line); });
  }

 private:
  void read(std::string_view line) {
    const auto is_there = [&](std::string_view words) { return line.find(words) != std::string_view::npos; };
    const auto sign = std::find_if(signs_.begin.begin(), signs_.begin.end(), is_there);
    if (sign == signs_.begin.end() || std::any_of(signs_.dull.begin(), signs_.dull.end(), is_there)) return;
    ++facts_.warnings_total;
    const std::string_view kept = line.substr(line.find(*sign), longest_warning_bytes);
    auto& warnings = facts_.warnings;
    if (warnings.size() < most_warnings && std::find(warnings.begin(), warnings.end(), kept) == warnings.end())
      warnings.emplace_back(kept);
  }

  const WarningSigns signs_;
  const std::unique_ptr<ProgressReader> inner_;
  LineCutter lines_;
};

}  // namespace

std::unique_ptr<ProgressReader> with_warnings(const WarningSigns& signs, std::unique_ptr<ProgressReader> inner) {
  return std::make_unique<WarningReader>(signs, std::move(inner));
}

}  // namespace convd::engines
