// PDF to Markdown, layout boxes and text by convd-layout, our own program.

#include <utility>

#include "convd/engines/builtin.h"
#include "convd/engines/diagnosis.h"
#include "convd/engines/limits.h"
#include "convd/engines/progress.h"
#include "convd/engines/warnings.h"

namespace convd::engines {
namespace {

using shared::ErrorCode;

constexpr auto password_path = "/tmp/password";

const std::vector<Clue>& clues() {
  static const std::vector<Clue> table{
      {"password", ErrorCode::input_encrypted,
       "the PDF is protected by a password; give the right one in the option \"password\""},
      {"not a PDF", ErrorCode::input_invalid, "the file is not a PDF that can be read"},
      {"no page has text", ErrorCode::engine_failed,
       "no page of the PDF has text; its pages are pictures, and there is no engine for OCR yet"},
  };
  return table;
}

class Layout final : public Engine {
 public:
  explicit Layout(std::string program) : program_(std::move(program)) {}

  std::string name() const override { return "layout"; }
  std::string title() const override { return "convd-layout"; }
  std::string package() const override { return "convd"; }
  std::vector<std::string> programs() const override { return {program_}; }
  std::vector<std::string> read_only() const override { return {"/etc/fonts", "/var/cache/fontconfig", program_}; }
  std::vector<std::string> version_command() const override { return {program_, "--version"}; }
  std::string read_version(std::string_view printed) const override { return version_after(printed, ""); }

  std::vector<Edge> edges() const override {
    return {{"pdf", "md", 400, 85}, {"pdf", "json", 400, 90}, {"pdf", "txt", 3000, 80}};
  }
  std::vector<OptionSpec> options() const override {
    return {{"password", OptionType::text, 1, 127, {}, "", "password that opens the PDF", {}}};
  }

  shared::Result<Command> command(const Task& task) const override {
    Command command;
    command.outputs = task.stem + "." + task.to;
    command.argv = {program_, "--to", task.to};
    if (const auto password = task.options.find("password"); password != task.options.end()) {
      command.argv.insert(command.argv.end(), {"--password-file", password_path});
      command.files.push_back({password_path, password->second});
    }
    command.argv.insert(command.argv.end(), {task.input, "/out/" + command.outputs});
    command.read_only = read_only();
    command.family = process::Family::pdf;
    command.limits.memory_bytes = 2 * gibibyte;
    command.limits.cpu_ms = 20 * minute_ms;
    command.limits.file_bytes = 256 * mebibyte;
    command.limits.processes = 32;
    command.limits.open_files = 256;
    command.limits.tmp_bytes = 512 * mebibyte;
    command.progress = [] { return with_warnings({{"warning: "}}, make_layout_progress()); };
    return command;
  }
  std::optional<shared::Error> diagnose(const Task&, const Ended& ended) const override {
    return diagnose_run(title(), Trust::status_and_output, clues(), ended);
  }

 private:
  std::string program_;
};

}  // namespace

std::unique_ptr<Engine> make_layout(std::string program) {
  return std::make_unique<Layout>(std::move(program));
}

}  // namespace convd::engines
