// Pictures to pictures by libvips.

#include <algorithm>
#include <array>

#include "convd/engines/builtin.h"
#include "convd/engines/diagnosis.h"
#include "convd/engines/limits.h"
#include "convd/engines/warnings.h"

namespace convd::engines {
namespace {

using shared::ErrorCode;

constexpr auto program = "/usr/bin/vips";
// Loaders that are not hardened against hostile files, ImageMagick's among them, are off (VIPS_BLOCK_UNTRUSTED); should
// one be reached all the same, it may do nothing.
constexpr std::string_view magick_policy =
    "<policymap>\n"
    "<policy domain=\"delegate\" rights=\"none\" pattern=\"*\"/>\n"
    "<policy domain=\"filter\" rights=\"none\" pattern=\"*\"/>\n"
    "<policy domain=\"coder\" rights=\"none\" pattern=\"*\"/>\n"
    "<policy domain=\"module\" rights=\"none\" pattern=\"*\"/>\n"
    "<policy domain=\"path\" rights=\"none\" pattern=\"@*\"/>\n"
    "</policymap>\n";
constexpr std::array formats_here{"png", "jpg", "webp", "tiff", "gif", "heic", "avif"};

const std::vector<Clue>& clues() {
  static const std::vector<Clue> table{
      {"unable to allocate", ErrorCode::out_of_memory, "the picture needs more memory than a conversion may use"},
      {"too large", ErrorCode::input_too_large, "the picture has too many pixels for this format"},
      {"too big", ErrorCode::input_too_large, "the picture has too many pixels for this format"},
      {"larger than", ErrorCode::input_too_large, "the picture has too many pixels for this format"},
      {"bad page number", ErrorCode::input_invalid, "the picture does not have the page asked for"},
      {"is not a known file format", ErrorCode::input_invalid, "the file is not a picture of this kind"},
      {"is not in a known format", ErrorCode::input_invalid, "the file is not a picture of this kind"},
      {"is blocked", ErrorCode::input_invalid, "the file is not a picture of this kind"},
      {"libspng read error", ErrorCode::input_invalid, "the picture is damaged"},
      {"premature end", ErrorCode::input_invalid, "the picture is damaged"},
      {"out of order read", ErrorCode::input_invalid, "the picture is damaged"},
      {"unable to load", ErrorCode::input_invalid, "the picture is damaged"},
  };
  return table;
}

bool is_one_of(const std::string& name, std::initializer_list<const char*> names) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

const std::string* find(const Task& task, const std::string& name) {
  const auto found = task.options.find(name);
  return found == task.options.end() ? nullptr : &found->second;
}

// Animations stay animations; of other files with several pages one is taken, the first unless asked for another.
std::string source(const Task& task) {
  const std::string* page = find(task, "page");
  if (page != nullptr) return task.input + "[page=" + std::to_string(std::stoi(*page) - 1) + "]";
  const bool animated = is_one_of(task.from, {"gif", "webp"}) && is_one_of(task.to, {"gif", "webp"});
  return animated ? task.input + "[n=-1]" : task.input;
}

std::string target(const Task& task) {
  const std::string path = "/out/" + task.stem + "." + task.to;
  const std::string* quality = find(task, "quality");
  if (task.to == "jpg") return path + "[Q=" + (quality ? *quality : "85") + ",background=255]";
  if (is_one_of(task.to, {"webp", "heic", "avif"})) return path + "[Q=" + (quality ? *quality : "75") + "]";
  if (task.to == "tiff") return path + "[compression=deflate]";
  return path;
}

// The thumbnail operation decodes no more than it needs, and turns the picture upright as autorot does.
std::vector<std::string> argv(const Task& task) {
  const std::string* width = find(task, "width");
  const std::string* height = find(task, "height");
  if (width == nullptr && height == nullptr) return {program, "autorot", source(task), target(task)};
  const std::string unbounded = "10000000";
  return {program,
          "thumbnail",
          source(task),
          target(task),
          width ? *width : unbounded,
          "--height",
          height ? *height : unbounded,
          "--size",
          "both"};
}

class Vips final : public Engine {
 public:
  std::string name() const override { return "vips"; }
  std::string title() const override { return "libvips"; }
  std::string package() const override { return "libvips-tools"; }
  std::vector<std::string> programs() const override { return {program}; }
  std::vector<std::string> version_command() const override { return {program, "--version"}; }
  std::string read_version(std::string_view printed) const override { return version_after(printed, "vips-"); }

  std::vector<Edge> edges() const override {
    std::vector<Edge> edges;
    for (const std::string from : formats_here) {
      for (const std::string to : formats_here) {
        const bool slow = is_one_of(to, {"heic", "avif"});
        const bool lossless = is_one_of(to, {"png", "tiff"});
        edges.push_back({from, to, slow ? 1500 : 100, lossless ? 95 : to == "gif" ? 70 : 90});
      }
    }
    return edges;
  }
  std::vector<OptionSpec> options() const override {
    return {
        {"width", OptionType::integer, 1, 16384, {}, "", "fit into this width in pixels", {}},
        {"height", OptionType::integer, 1, 16384, {}, "", "fit into this height in pixels", {}},
        {"quality", OptionType::integer, 1, 100, {}, "", "quality of lossy formats", {"jpg", "webp", "heic", "avif"}},
        {"page", OptionType::integer, 1, 100'000, {}, "1", "which page of a TIFF, GIF, WebP or HEIC file", {}}};
  }

  shared::Result<Command> command(const Task& task) const override {
    if (find(task, "page") != nullptr && is_one_of(task.from, {"png", "jpg"})) {
      return shared::Error{
          ErrorCode::invalid_option, "options.page: a file of type " + task.from + " has one page only", {}};
    }
    Command command;
    command.argv = argv(task);
    command.env = {{"VIPS_BLOCK_UNTRUSTED", "1"}, {"VIPS_CONCURRENCY", "2"}};
    command.files = {{"/etc/ImageMagick-6/policy.xml", std::string(magick_policy)}};
    command.outputs = task.stem + "." + task.to;
    command.family = process::Family::image;
    command.limits.memory_bytes = 2 * gibibyte;
    command.limits.address_space_bytes = 4 * gibibyte;
    command.limits.cpu_ms = 3 * minute_ms;
    command.limits.file_bytes = gibibyte;
    command.limits.processes = 64;
    command.limits.open_files = 256;
    command.limits.tmp_bytes = gibibyte;
    command.progress = [] { return with_warnings({{"VIPS-WARNING"}}, nullptr); };
    return command;
  }
  std::optional<shared::Error> diagnose(const Task&, const Ended& ended) const override {
    return diagnose_run(title(), Trust::status_and_output, clues(), ended);
  }
};

}  // namespace

std::unique_ptr<Engine> make_vips() {
  return std::make_unique<Vips>();
}

}  // namespace convd::engines
