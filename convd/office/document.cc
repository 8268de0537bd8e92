#include "convd/office/document.h"

#include <unistd.h>

#include <cstdlib>

#include "convd/office/inside.h"
#include "convd/office/locale.h"
#include "convd/office/settings.h"
#include "convd/office/transfer.h"

namespace convd::office {
namespace {

using process::OfficePhase;
using process::OfficeStep;

// Tells each step once.
class Teller {
 public:
  explicit Teller(const NoteSink& note) : note_(note) {}
  void step(OfficePhase phase, std::int64_t done, std::int64_t total) {
    if (last_ && last_->phase == phase && last_->done == done && last_->total == total) return;
    last_ = OfficeStep{phase, done, total};
    note_(*last_);
  }
  Steps steps(OfficePhase phase) {
    return [this, phase](std::int64_t done, std::int64_t total) { step(phase, done, total); };
  }

 private:
  const NoteSink& note_;
  std::optional<OfficeStep> last_;
};

shared::Result<void> convert(const Lok::Inside& lok, const process::OfficeJob& job, const std::string& workspace,
                             Teller& teller) {
  teller.step(OfficePhase::reading, 0, 0);
  auto document = load_document(lok, job, workspace + "/in/" + job.input, teller.steps(OfficePhase::reading));
  if (!document) return document.error();
  teller.step(OfficePhase::layout, 0, 0);
  return store_document(*document, job, workspace + "/out/" + job.output, teller.steps(OfficePhase::writing));
}

}  // namespace

void prepare_child(Lok& lok, const process::OfficeJob& job, const std::string& workspace) {
  const Lok::Inside& inside = lok.inside();
  const std::string directory = workspace + "/tmp";
  ::setenv("TMPDIR", directory.c_str(), 1);
  inside.symbols.set_temp_directory(to_uno(file_url(directory)));
  if (!job.locale.empty()) set_locale(inside, job.locale);
  // In the kit's mode the columns of a sheet are a hair wider than soffice makes them.
  if (job.is_spreadsheet && inside.symbols.set_kit_mode != nullptr) inside.symbols.set_kit_mode(false);
}

std::optional<process::OfficeFailed> convert_document(Lok& lok, const process::OfficeJob& job,
                                                      const std::string& workspace, const NoteSink& note) {
  Teller teller(note);
  try {
    const auto done = convert(lok.inside(), job, workspace, teller);
    if (done) return std::nullopt;
    return process::OfficeFailed{done.error().code, done.error().message};
  } catch (const css::uno::Exception&) {
    return process::OfficeFailed{shared::ErrorCode::engine_failed, "LibreOffice gave up on this document"};
  }
}

}  // namespace convd::office
