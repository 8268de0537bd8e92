#pragma once
// Tells each note once: LibreOffice repeats itself.

#include <functional>
#include <optional>

#include "convd/office/progress.h"
#include "convd/process/office_wire.h"

namespace convd::office {

class Teller {
 public:
  explicit Teller(const std::function<void(const process::OfficeNote&)>& note) : note_(note) {}

  void tell(const process::OfficeNote& note) { note_(note); }
  void step(process::OfficePhase phase, std::int64_t done, std::int64_t total) {
    if (last_ && last_->phase == phase && last_->done == done && last_->total == total) return;
    last_ = process::OfficeStep{phase, done, total};
    note_(*last_);
  }
  Steps steps(process::OfficePhase phase) {
    return [this, phase](std::int64_t done, std::int64_t total) { step(phase, done, total); };
  }

 private:
  const std::function<void(const process::OfficeNote&)>& note_;
  std::optional<process::OfficeStep> last_;
};

}  // namespace convd::office
