// Office documents by LibreOffice: by a child of the warm one where it serves, else by a fresh soffice per document.
// That one exits with 0 even when it could not load the source: only its output counts.

#include <algorithm>
#include <array>

#include "convd/engines/builtin.h"
#include "convd/engines/diagnosis.h"
#include "convd/engines/formats.h"
#include "convd/engines/libreoffice_formats.h"
#include "convd/engines/libreoffice_options.h"
#include "convd/engines/libreoffice_profile.h"
#include "convd/engines/limits.h"
#include "convd/engines/office_progress.h"
#include "convd/process/office_wire.h"

namespace convd::engines {
namespace {

using shared::Error;
using shared::ErrorCode;

constexpr auto program = "/usr/lib/libreoffice/program/soffice";

const std::vector<Clue>& clues() {
  static const std::vector<Clue> table{
      {"source file could not be loaded", ErrorCode::input_invalid,
       "the document cannot be opened; it is damaged, or not of the type its name says"},
      {"Unspecified Application Error", ErrorCode::engine_crashed, "the program crashed"},
      {"Fatal exception", ErrorCode::engine_crashed, "the program crashed"},
      {"Error: Please verify input parameters", ErrorCode::engine_failed, "the result could not be written"},
      {"Error Area:", ErrorCode::engine_failed, "the result could not be written"},
  };
  return table;
}

// Measured on documents of 150 to 330 pages: text spends half of its time before the first page is written, sheets
// nearly none, slides are laid out while they are read.
PhaseWeights phase_weights(OfficeFamily family) {
  constexpr std::array<PhaseWeights, 5> weights{
      {{0.30, 0.20, 0.50}, {0.06, 0.05, 0.89}, {0.55, 0.02, 0.43}, {0.40, 0.10, 0.50}, {0.40, 0.10, 0.50}}};
  return weights[static_cast<std::size_t>(family)];
}

std::vector<std::string> cold_argv(const Task& task, const process::OfficeJob& job) {
  std::vector<std::string> argv{program,         "-env:UserInstallation=file:///tmp/profile",
                                "--headless",    "--nologo",
                                "--nolockcheck", "--norestore",
                                "--nodefault",   "--nofirststartwizard"};
  if (!job.import_filter.empty()) argv.push_back("--infilter=" + infilter(job));
  argv.insert(argv.end(), {"--convert-to", convert_to(job, task.to), "--outdir", "/out", task.input});
  return argv;
}

// The last line of a warm child that did not succeed.
std::optional<process::OfficeFailed> failed_note(std::string_view out) {
  while (!out.empty()) {
    const auto end = out.find_last_not_of("\r\n");
    if (end == std::string_view::npos) break;
    out = out.substr(0, end + 1);
    const auto before = out.find_last_of('\n');
    const auto begin = before == std::string_view::npos ? 0 : before + 1;
    if (auto note = process::decode_note(out.substr(begin))) {
      if (auto* failed = std::get_if<process::OfficeFailed>(&*note)) return std::move(*failed);
    }
    out = out.substr(0, begin);
  }
  return std::nullopt;
}

std::string words(const std::vector<std::string>& names) {
  std::string text;
  for (const std::string& name : names) text += (text.empty() ? "" : ", ") + name;
  return text;
}

class LibreOffice final : public Engine {
 public:
  std::string name() const override { return "libreoffice"; }
  std::string title() const override { return "LibreOffice"; }
  std::string package() const override {
    return "libreoffice-writer-nogui libreoffice-calc-nogui libreoffice-impress-nogui libreoffice-draw-nogui";
  }
  std::vector<std::string> programs() const override { return {program}; }
  std::vector<std::string> read_only() const override {
    return {"/etc/libreoffice", "/var/lib/libreoffice", "/etc/fonts", "/var/cache/fontconfig"};
  }
  std::vector<std::string> version_command() const override { return {program, "--version"}; }
  std::string read_version(std::string_view printed) const override { return version_after(printed, "LibreOffice"); }

  std::vector<Edge> edges() const override { return office_edges(); }
  std::vector<OptionSpec> options() const override { return office_options(); }
  shared::Result<void> check(const Task& task) const override { return check_office_options(task); }

  shared::Result<Command> command(const Task& task) const override {
    Command command;
    command.office = office_job(task);
    command.needs_warm_office = !warm_only_options(task).empty();
    command.argv = cold_argv(task, *command.office);
    command.env = libreoffice_environment();
    command.files = libreoffice_files();
    command.read_only = read_only();
    command.outputs = office_outputs(task);
    command.family = process::Family::office;
    command.limits = limits();
    command.progress = [weights = phase_weights(office_format(task.from).family),
                        unit = task.to == "pdf" ? "page" : ""] { return make_office_progress(weights, unit); };
    return command;
  }
  std::optional<Error> diagnose(const Task& task, const Ended& ended) const override {
    if (ended.exit.end == process::End::not_started) return not_started(task, ended);
    return ended.exit.warm ? diagnose_warm(ended) : diagnose_run(title(), Trust::output, clues(), ended);
  }

 private:
  std::optional<Error> not_started(const Task& task, const Ended& ended) const {
    const auto options = warm_only_options(task);
    if (options.empty()) return diagnose_run(title(), Trust::output, {}, ended);
    return Error{ErrorCode::engine_failed,
                 "Only a warm LibreOffice can do this (" + words(options) + "), and none serves here" +
                     (ended.exit.reason.empty() ? "" : ": " + ended.exit.reason) +
                     "; convert without, or ask the administrator to see `convctl doctor`",
                 {}};
  }
  // Its standard output are notes, which are no detail for people.
  std::optional<Error> diagnose_warm(const Ended& ended) const {
    if (auto failed = failed_note(ended.out_tail)) {
      const bool of_the_input = failed->code == ErrorCode::input_invalid ||
                                failed->code == ErrorCode::input_encrypted ||
                                failed->code == ErrorCode::input_too_large;
      return Error{of_the_input ? failed->code : ErrorCode::engine_failed, std::move(failed->sentence),
                   presentable_tail({}, ended.err_tail)};
    }
    return diagnose_run(title(), Trust::status_and_output, clues(), {ended.exit, {}, ended.err_tail, ended.has_output});
  }
  static process::Limits limits() {
    process::Limits limits;
    limits.memory_bytes = 2 * gibibyte;
    limits.address_space_bytes = 4 * gibibyte;
    limits.cpu_ms = 10 * minute_ms;
    limits.file_bytes = gibibyte;
    limits.processes = 128;
    limits.open_files = 1024;
    limits.tmp_bytes = gibibyte;
    return limits;
  }
};

}  // namespace

std::unique_ptr<Engine> make_libreoffice() {
  return std::make_unique<LibreOffice>();
}

}  // namespace convd::engines
