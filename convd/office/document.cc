#include "convd/office/document.h"

#include <fcntl.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "convd/office/divisible.h"
#include "convd/office/early_page.h"
#include "convd/office/fonts.h"
#include "convd/office/inside.h"
#include "convd/office/layout.h"
#include "convd/office/links.h"
#include "convd/office/locale.h"
#include "convd/office/page_setup.h"
#include "convd/office/revision.h"
#include "convd/office/settings.h"
#include "convd/office/sheets.h"
#include "convd/office/side_by_side.h"
#include "convd/office/teller.h"
#include "convd/office/transfer.h"

namespace convd::office {
namespace {

using process::OfficePhase;
using shared::ErrorCode;
using shared::Result;

// One job, step by step.
class Conversion {
 public:
  Conversion(const Lok::Inside& lok, const process::OfficeJob& job, const std::string& workspace, const NoteSink& note)
      : lok_(lok), job_(job), workspace_(workspace), teller_(note) {}

  Result<void> run() {
    teller_.step(OfficePhase::reading, 0, 0);
    const auto source = source_path();
    if (!source) return source.error();
    auto loaded = load_document(lok_, job_, *source, teller_.steps(OfficePhase::reading));
    if (!loaded) return loaded.error();
    document_ = *loaded;
    tell_what_is_missing(*source);
    if (auto changed = change(); !changed) return changed;
    if (is_paged(job_) || job_.update_indexes || job_.early_page) {
      if (auto ready = lay_out_all(); !ready) return ready;
    }
    if (job_.early_page) show_early_page();
    return write();
  }

 private:
  // LibreOffice lets nobody hide a sheet of a file that it may not write.
  Result<std::string> source_path() const {
    const std::string given = workspace_ + "/in/" + job_.input;
    if (!needs_editing(job_)) return given;
    const std::string directory = workspace_ + "/tmp/edited";
    const std::string path = directory + "/" + job_.input;
    std::error_code failed;
    std::filesystem::create_directory(directory, failed);
    // A file of its own: copy_file() would also copy the mode of the input, which only root may write to.
    std::ofstream copy(path, std::ios::binary);
    copy << std::ifstream(given, std::ios::binary).rdbuf();
    copy.close();
    if (!copy) return shared::Error{ErrorCode::engine_failed, "The document could not be copied to be changed", ""};
    return path;
  }

  // A document that does not let itself be asked is converted without an answer.
  void tell_what_is_missing(const std::string& source) {
    try {
      const auto fonts = fonts_of(lok_, document_);
      if (!fonts.requested.empty()) teller_.tell(fonts);
      const auto links = outside_links(lok_, document_, source);
      if (!links.empty()) teller_.tell(process::OfficeLinks{links});
    } catch (const css::uno::Exception&) {
    }
  }

  Result<void> change() {
    show_changes(lok_, document_, job_.changes);
    if (job_.landscape) set_landscape(document_);
    if (job_.sheets.empty()) return {};
    return choose_sheets(document_, job_.sheets, left_out());
  }
  // These exports take hidden sheets too.
  LeftOut left_out() const {
    const bool shows_all = job_.export_filter.rfind("HTML", 0) == 0 || job_.export_filter.rfind("Text", 0) == 0 ||
                           export_value(job_, "SinglePageSheets") == "true";
    return shows_all ? LeftOut::removed : LeftOut::hidden;
  }

  Result<void> lay_out_all() {
    teller_.step(OfficePhase::layout, 0, 0);
    layout_ = lay_out(lok_, document_, job_);
    // Twice: a table of contents that grows moves the pages it tells of.
    for (int round = 0; job_.update_indexes && round < 2; ++round) {
      update_indexes(document_);
      layout_ = lay_out(lok_, document_, job_);
    }
    if (!is_paged(job_)) return {};
    teller_.tell(process::OfficePages{layout_.pages(), layout_.total()});
    if (!layout_.chosen.empty() || layout_.shown.empty()) return {};
    return shared::Error{ErrorCode::input_invalid,
                         "The page range names none of the " + std::to_string(layout_.pages()) + " pages there are",
                         ""};
  }

  // Of what will be written, not of the document. It is a courtesy: without it the conversion goes on.
  void show_early_page() {
    try {
      const auto first = std::find_if(layout_.chosen.begin(), layout_.chosen.end(), [&](std::int64_t page) {
        return layout_.shown[static_cast<std::size_t>(page - 1)];
      });
      if (first == layout_.chosen.end()) return;
      const std::string path = workspace_ + "/out/" + std::string(process::early_page_name);
      const auto written = write_early_page(lok_, document_, *first, path);
      if (written) teller_.tell(*written);
    } catch (const css::uno::Exception&) {
    }
  }

  Result<void> write() {
    const bool paged = is_paged(job_);
    const std::int64_t total = paged ? layout_.total() : 0;
    const Steps steps = [&](std::int64_t done, std::int64_t) {
      // Other exports count in steps of their own, which are no pages.
      teller_.step(OfficePhase::writing, paged ? layout_.written(done) : 0, total);
    };
    steps(0, 0);
    if (store_in_parts()) {
      teller_.step(OfficePhase::writing, total, total);
      return {};
    }
    auto stored = store_document(document_, job_, workspace_ + "/out/" + job_.output, steps);
    if (stored) teller_.step(OfficePhase::writing, total, total);
    return stored;
  }

  // Whether the result is there.
  bool store_in_parts() {
    try {
      const int parts = job_.processes > 1 ? parts_of(document_, job_, layout_) : 1;
      return parts > 1 && can_fork(lok_) &&
             store_side_by_side(lok_, document_, job_, layout_, parts, workspace_, teller_.steps(OfficePhase::writing));
    } catch (const css::uno::Exception&) {
      return false;
    }
  }

  const Lok::Inside& lok_;
  const process::OfficeJob& job_;
  const std::string& workspace_;
  Teller teller_;
  Document document_;
  Layout layout_;
};

}  // namespace

void prepare_child(Lok& lok, const process::OfficeJob& job, const std::string& workspace) {
  Lok::Inside& inside = lok.inside();
  inside.threads = loop::UniqueFd(::open("/proc/self/task", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  const std::string directory = workspace + "/tmp";
  ::setenv("TMPDIR", directory.c_str(), 1);
  inside.symbols.set_temp_directory(to_uno(file_url(directory)));
  if (!job.locale.empty()) set_locale(inside, job.locale);
  // In the kit's mode the columns of a sheet are a hair wider than soffice makes them, and commands expect a viewer.
  // For all others leaving it costs time and changes nothing.
  if (job.is_spreadsheet || job.changes != process::TrackedChanges::as_saved) inside.symbols.set_kit_mode(false);
}

std::optional<process::OfficeFailed> convert_document(Lok& lok, const process::OfficeJob& job,
                                                      const std::string& workspace, const NoteSink& note) {
  try {
    const auto done = Conversion(lok.inside(), job, workspace, note).run();
    if (done) return std::nullopt;
    return process::OfficeFailed{done.error().code, done.error().message};
  } catch (const css::uno::Exception&) {
    return process::OfficeFailed{shared::ErrorCode::engine_failed, "LibreOffice gave up on this document"};
  }
}

}  // namespace convd::office
