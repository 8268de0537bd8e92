// SVG to PNG and PDF by rsvg-convert. External references do not load: the sandbox shows it nothing but the drawing.

#include "convd/engines/builtin.h"
#include "convd/engines/diagnosis.h"
#include "convd/engines/limits.h"

namespace convd::engines {
namespace {

using shared::ErrorCode;

constexpr auto program = "/usr/bin/rsvg-convert";

const std::vector<Clue>& clues() {
  static const std::vector<Clue> table{
      {"XML parse error", ErrorCode::input_invalid, "the drawing is not well-formed XML"},
      {"Error reading SVG", ErrorCode::input_invalid, "the drawing cannot be read"},
      {"has no dimensions", ErrorCode::input_invalid, "the drawing has no size"},
      {"larger than 32767 pixels", ErrorCode::input_too_large, "the picture would be too large"},
      {"too many", ErrorCode::input_too_large, "the drawing has too many elements"},
      {"exceeded", ErrorCode::input_too_large, "the drawing has too many elements"},
      {"invalid value (typically too big)", ErrorCode::input_too_large, "the picture would be too large"},
  };
  return table;
}

class Rsvg final : public Engine {
 public:
  std::string name() const override { return "rsvg"; }
  std::string title() const override { return "librsvg"; }
  std::string package() const override { return "librsvg2-bin"; }
  std::vector<std::string> programs() const override { return {program}; }
  std::vector<std::string> read_only() const override { return {"/etc/fonts", "/var/cache/fontconfig"}; }
  std::vector<std::string> version_command() const override { return {program, "--version"}; }
  std::string read_version(std::string_view printed) const override { return version_after(printed, "version"); }

  std::vector<Edge> edges() const override { return {{"svg", "png", 60, 95}, {"svg", "pdf", 60, 95}}; }
  std::vector<OptionSpec> options() const override {
    return {
        {"width", OptionType::integer, 1, 16384, {}, "", "width in pixels", {"png", "jpg", "webp", "tiff", "gif"}},
        {"height", OptionType::integer, 1, 16384, {}, "", "height in pixels", {"png", "jpg", "webp", "tiff", "gif"}},
        {"dpi", OptionType::integer, 10, 1200, {}, "96", "pixels per inch of the drawing's lengths", {"png", "pdf"}}};
  }

  shared::Result<Command> command(const Task& task) const override {
    Command command;
    command.outputs = task.stem + "." + task.to;
    command.argv = {program, "--format", task.to, "--keep-aspect-ratio", "--output", "/out/" + command.outputs};
    for (const auto& [name, value] : task.options) {
      if (name == "width" || name == "height") command.argv.insert(command.argv.end(), {"--" + name, value});
      if (name == "dpi") command.argv.insert(command.argv.end(), {"--dpi-x", value, "--dpi-y", value});
    }
    command.argv.insert(command.argv.end(), {"--", task.input});
    command.read_only = read_only();
    command.family = process::Family::image;
    command.limits.memory_bytes = 2 * gibibyte;
    command.limits.address_space_bytes = 3 * gibibyte;
    command.limits.cpu_ms = 2 * minute_ms;
    command.limits.file_bytes = 512 * mebibyte;
    command.limits.processes = 16;
    command.limits.open_files = 256;
    command.limits.tmp_bytes = 64 * mebibyte;
    return command;
  }
  std::optional<shared::Error> diagnose(const Task&, const Ended& ended) const override {
    return diagnose_run(title(), Trust::status_and_output, clues(), ended);
  }
};

}  // namespace

std::unique_ptr<Engine> make_rsvg() {
  return std::make_unique<Rsvg>();
}

}  // namespace convd::engines
