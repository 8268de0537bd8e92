#include "convd/engines/description_file.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>
#include <system_error>
#include <utility>

#include "convd/engines/builtin.h"
#include "convd/engines/description_fields.h"
#include "convd/engines/limits.h"

namespace convd::engines {
namespace {

using shared::Error;
using shared::ErrorCode;
using shared::Json;
using shared::JsonReader;
using shared::Result;
using Fields = DescriptionFields;
using Need = DescriptionFields::Need;

constexpr std::size_t most_file_bytes = 64 << 10;
constexpr std::size_t most_files = 256;
constexpr std::size_t most_words = 256;
constexpr std::size_t most_edges = 256;
constexpr std::size_t most_patterns = 8;
constexpr std::int64_t day_ms = 86'400'000;
constexpr std::int64_t tebibyte = std::int64_t{1} << 40;

// ---- what a text must look like

bool consists_of(std::string_view text, std::string_view letters) {
  return text.find_first_not_of(letters) == std::string_view::npos;
}

bool is_printable(std::string_view text) {
  return std::none_of(text.begin(), text.end(), [](char c) {
    return static_cast<unsigned char>(c) < 0x20 || static_cast<unsigned char>(c) == 0x7F;
  });
}

// Absolute, and in the one way to write it.
bool is_path(std::string_view path) {
  if (path.size() < 2 || path.front() != '/' || path.back() == '/' || !is_printable(path)) return false;
  const std::string closed = std::string(path) + "/";
  return closed.find("//") == std::string::npos && closed.find("/./") == std::string::npos &&
         closed.find("/../") == std::string::npos;
}

bool is_below(std::string_view path, std::string_view directory) {
  return path == directory || (path.starts_with(directory) && path.substr(directory.size()).starts_with("/"));
}

bool is_file(std::string_view path) {
  constexpr std::array<std::string_view, 5> taken{"/in", "/out", "/proc", "/dev", "/sys"};
  constexpr std::array<std::string_view, 4> made{"/tmp", "/etc", "/etc/passwd", "/etc/group"};
  return is_path(path) &&
         std::none_of(taken.begin(), taken.end(), [&](std::string_view place) { return is_below(path, place); }) &&
         std::find(made.begin(), made.end(), path) == made.end();
}

constexpr std::string_view lower_case = "abcdefghijklmnopqrstuvwxyz0123456789";
constexpr std::string_view name_letters = "abcdefghijklmnopqrstuvwxyz0123456789-_";

constexpr Fields::Rule name_rule{"1 to 32 small letters, digits, - and _", [](std::string_view text) {
                                   return !text.empty() && text.size() <= 32 && consists_of(text, name_letters);
                                 }};
constexpr Fields::Rule word_rule{"1 to 16 small letters and digits", [](std::string_view text) {
                                   return !text.empty() && text.size() <= 16 && consists_of(text, lower_case);
                                 }};
constexpr Fields::Rule title_rule{"1 to 80 bytes without control characters", [](std::string_view text) {
                                    return !text.empty() && text.size() <= 80 && is_printable(text);
                                  }};
constexpr Fields::Rule sentence_rule{"1 to 200 bytes without control characters", [](std::string_view text) {
                                       return !text.empty() && text.size() <= 200 && is_printable(text);
                                     }};
constexpr Fields::Rule any_text{"any text", [](std::string_view) { return true; }};
constexpr Fields::Rule template_rule{
    "a text with the placeholders {input}, {output_dir}, {stem}, {from} and {to} ({{ "
    "is a brace)",
    [](std::string_view text) { return !unknown_placeholder(text); }};
constexpr Fields::Rule outputs_rule{"a pattern of file names without a directory", [](std::string_view text) {
                                      return !text.empty() && text.size() <= 200 && text.find('/') == text.npos &&
                                             text.front() != '.' && !unknown_placeholder(text);
                                    }};
constexpr Fields::Rule path_rule{"an absolute path", is_path};
constexpr Fields::Rule file_rule{"an absolute path outside the sandbox's own places", is_file};
constexpr Fields::Rule variable_rule{"the name of a variable", [](std::string_view text) {
                                       return !text.empty() && text.find('=') == text.npos && is_printable(text);
                                     }};
constexpr Fields::Rule media_rule{"a media type such as application/x-log", [](std::string_view text) {
                                    const auto slash = text.find('/');
                                    return slash != text.npos && slash > 0 && slash + 1 < text.size() &&
                                           text.size() <= 127 &&
                                           consists_of(text, "abcdefghijklmnopqrstuvwxyz0123456789/+-._");
                                  }};
constexpr Fields::Rule magic_rule{"2 to 64 hexadecimal digits, two for each byte", [](std::string_view text) {
                                    return text.size() >= 2 && text.size() <= 64 && text.size() % 2 == 0 &&
                                           consists_of(text, "0123456789abcdefABCDEF");
                                  }};
constexpr Fields::Rule stream_rule{"one of stdout, stderr",
                                   [](std::string_view text) { return text == "stdout" || text == "stderr"; }};
constexpr Fields::Rule code_rule{"one of input_invalid, input_encrypted", [](std::string_view text) {
                                   return text == "input_invalid" || text == "input_encrypted";
                                 }};

std::string from_hex(const std::string& text) {
  std::string bytes;
  for (std::size_t i = 0; i + 1 < text.size(); i += 2)
    bytes += static_cast<char>(std::stoi(text.substr(i, 2), nullptr, 16));
  return bytes;
}

// FNV-1a: tells apart, protects nothing.
std::string mark_of(std::string_view text) {
  std::uint32_t hash = 2166136261;
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 16777619;
  std::string digits;
  for (int shift = 28; shift >= 0; shift -= 4) digits += "0123456789abcdef"[hash >> shift & 15];
  return digits;
}

// ---- the parts of a description

Result<void> read_format(const JsonReader& json, FormatTable& table) {
  Fields fields(json, {"name", "title", "media_type", "extensions", "magic"});
  FormatDeclaration declared;
  declared.name = fields.text("name", Need::required, word_rule);
  declared.title = fields.text("title", Need::optional, title_rule, declared.name);
  declared.media_type = fields.text("media_type", Need::optional, media_rule, "application/octet-stream");
  declared.extensions = fields.texts("extensions", Need::optional, word_rule, 16);
  if (declared.extensions.empty()) declared.extensions = {declared.name};
  declared.begins = from_hex(fields.text("magic", Need::optional, magic_rule));
  if (!fields.outcome()) return fields.outcome();
  if (const auto taken = table.add(std::move(declared)))
    fields.fail("name", "a format and extensions that are not known yet", *taken);
  return fields.outcome();
}

Result<LinePattern> read_pattern(const JsonReader& json, const std::vector<std::string_view>& groups = {}) {
  auto pattern = json.at("pattern");
  if (!pattern) return pattern.error();
  auto text = pattern->string();
  if (!text) return text.error();
  auto compiled = LinePattern::compile(*text, groups);
  if (compiled) return compiled;
  return Error{ErrorCode::invalid_option,
               pattern->path() + ": expected " + compiled.error().message + ", got \"" + *text + "\"",
               {}};
}

Result<void> read_progress(const JsonReader& json, std::optional<ProgressRule>& progress) {
  Fields fields(json, {"pattern", "stream", "unit"});
  const std::string stream = fields.text("stream", Need::optional, stream_rule);
  const std::string unit = fields.text("unit", Need::optional, word_rule);
  if (!fields.outcome()) return fields.outcome();
  auto pattern = read_pattern(json, {"done", "total", "percent"});
  if (!pattern) return pattern.error();
  if (!pattern->has("done") && !pattern->has("percent")) {
    fields.fail("pattern", "a group (?<done>...) or (?<percent>...)", "none");
    return fields.outcome();
  }
  progress = ProgressRule{{}, *std::move(pattern), unit};
  if (!stream.empty()) progress->stream = stream == "stdout" ? process::Stream::out : process::Stream::err;
  return {};
}

Result<void> read_error(const JsonReader& json, std::vector<ErrorRule>& errors) {
  Fields fields(json, {"pattern", "code", "message"});
  const std::string code = fields.text("code", Need::required, code_rule);
  const bool encrypted = code == "input_encrypted";
  const std::string message =
      fields.text("message", Need::optional, sentence_rule,
                  encrypted ? "the document is protected by a password" : "the document is damaged");
  if (!fields.outcome()) return fields.outcome();
  auto pattern = read_pattern(json);
  if (!pattern) return pattern.error();
  errors.push_back({*std::move(pattern), encrypted ? ErrorCode::input_encrypted : ErrorCode::input_invalid, message});
  return {};
}

Result<void> read_limits(const JsonReader& json, process::Limits& limits) {
  Fields fields(json, {"memory_bytes", "cpu_ms", "file_bytes", "output_bytes", "output_files", "processes",
                       "open_files", "tmp_bytes"});
  limits.memory_bytes = fields.number("memory_bytes", 16 * mebibyte, tebibyte, limits.memory_bytes);
  limits.cpu_ms = fields.number("cpu_ms", 1000, day_ms, limits.cpu_ms);
  limits.file_bytes = fields.number("file_bytes", 1, tebibyte, limits.file_bytes);
  limits.output_bytes = fields.number("output_bytes", 1, tebibyte, limits.output_bytes);
  limits.output_files = static_cast<int>(fields.number("output_files", 1, 1'000'000, limits.output_files));
  limits.processes = static_cast<int>(fields.number("processes", 1, 4096, limits.processes));
  limits.open_files = static_cast<int>(fields.number("open_files", 16, 65'536, limits.open_files));
  limits.tmp_bytes = fields.number("tmp_bytes", mebibyte, tebibyte, limits.tmp_bytes);
  return fields.outcome();
}

process::Limits default_limits() {
  process::Limits limits;
  limits.memory_bytes = gibibyte;
  limits.cpu_ms = 5 * minute_ms;
  limits.file_bytes = gibibyte;
  limits.processes = 32;
  limits.open_files = 256;
  limits.tmp_bytes = 256 * mebibyte;
  return limits;
}

Result<void> read_env(const JsonReader& json, std::vector<std::pair<std::string, std::string>>& env) {
  const auto members = json.members();
  if (!members) return members.error();
  std::vector<std::string_view> names;
  for (const auto& [name, value] : *members) names.push_back(name);
  Fields fields(json, names);
  for (const std::string_view name : names) {
    if (!variable_rule.fits(name)) fields.fail(name, variable_rule.expected, name);
    env.emplace_back(name, fields.text(name, Need::required, template_rule));
  }
  return fields.outcome();
}

// The name of a known format, by any of its words.
std::string read_format_name(Fields& fields, std::string_view key, const FormatTable& formats) {
  const std::string word = fields.text(key, Need::required, any_text);
  const Format* format = formats.find(word);
  if (format != nullptr) return std::string(format->name);
  if (fields.outcome()) fields.fail(key, "a format that is known or declared in \"formats\"", word);
  return {};
}

Result<void> read_edge(const JsonReader& json, const FormatTable& formats, std::vector<Edge>& edges) {
  Fields fields(json, {"from", "to", "cost", "quality"});
  Edge edge;
  edge.from = read_format_name(fields, "from", formats);
  edge.to = read_format_name(fields, "to", formats);
  edge.cost = static_cast<int>(fields.number("cost", 1, day_ms, edge.cost));
  edge.quality = static_cast<int>(fields.number("quality", 0, 100, edge.quality));
  edges.push_back(edge);
  return fields.outcome();
}

bool is_shown(const std::string& program, const std::vector<std::string>& files) {
  constexpr std::array<std::string_view, 3> system{"/usr", "/bin", "/sbin"};
  const auto holds = [&](std::string_view directory) { return is_below(program, directory); };
  return std::any_of(system.begin(), system.end(), holds) || std::any_of(files.begin(), files.end(), holds);
}

Result<EngineDescription> read_engine(const JsonReader& json, const FormatTable& formats, const std::string& mark) {
  Fields fields(json, {"name", "title", "package", "program", "files", "version_command", "version_after", "edges",
                       "args", "env", "limits", "outputs", "progress", "errors", "formats"});
  EngineDescription engine;
  engine.mark = mark;
  engine.name = fields.text("name", Need::required, name_rule);
  engine.title = fields.text("title", Need::optional, title_rule, engine.name);
  engine.package = fields.text("package", Need::optional, title_rule);
  engine.files = fields.texts("files", Need::optional, file_rule, 64);
  engine.program = fields.text("program", Need::required, path_rule);
  if (fields.outcome() && !is_shown(engine.program, engine.files))
    fields.fail("program", "a program below /usr or below one of \"files\"", engine.program);
  engine.version_command = fields.texts("version_command", Need::optional, any_text, most_words);
  if (!engine.version_command.empty() && !is_path(engine.version_command.front()))
    fields.fail("version_command[0]", path_rule.expected, engine.version_command.front());
  engine.version_after = fields.text("version_after", Need::optional, title_rule);
  fields.each("edges", Need::required, most_edges,
              [&](const JsonReader& item) { return read_edge(item, formats, engine.edges); });
  engine.args = fields.texts("args", Need::required, template_rule, most_words);
  fields.object("env", [&](const JsonReader& env) { return read_env(env, engine.env); });
  engine.limits = default_limits();
  fields.object("limits", [&](const JsonReader& limits) { return read_limits(limits, engine.limits); });
  engine.outputs = fields.text("outputs", Need::optional, outputs_rule, "{stem}.{to}");
  fields.object("progress", [&](const JsonReader& rule) { return read_progress(rule, engine.progress); });
  fields.each("errors", Need::optional, most_patterns,
              [&](const JsonReader& item) { return read_error(item, engine.errors); });
  if (!fields.outcome()) return fields.outcome().error();
  return engine;
}

// ---- the files

struct File {
  std::string path;
  std::string name;
  Json json;
  std::string mark;
};

Error at(const std::string& path, const std::string& message) {
  return {ErrorCode::invalid_option, path + ": " + message, {}};
}

Result<std::vector<std::filesystem::path>> paths_in(const std::string& directory) {
  std::error_code failed;
  std::vector<std::filesystem::path> paths;
  for (auto entry = std::filesystem::directory_iterator(directory, failed);
       !failed && entry != std::filesystem::directory_iterator(); entry.increment(failed)) {
    const std::string name = entry->path().filename();
    if (name.ends_with(".json") && name.front() != '.') paths.push_back(entry->path());
  }
  if (failed && failed != std::errc::no_such_file_or_directory) return at(directory, failed.message());
  if (paths.size() > most_files) return at(directory, "expected at most " + std::to_string(most_files) + " files");
  std::sort(paths.begin(), paths.end());
  return paths;
}

Result<File> read_file(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  std::string text(most_file_bytes + 1, '\0');
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (!file.is_open() || file.bad()) return at(path, "cannot be read");
  text.resize(static_cast<std::size_t>(file.gcount()));
  if (text.size() > most_file_bytes) return at(path, "expected at most " + std::to_string(most_file_bytes) + " bytes");
  auto json = Json::parse(text);
  if (!json) return at(path, json.error().message);
  if (!json->read().is_object()) return at(path, "$: expected an object");
  const std::string name = path.filename();
  return File{path, name, *std::move(json), name + " " + mark_of(text)};
}

Result<void> add_formats(const File& file, FormatTable& table) {
  const JsonReader json = file.json.read();
  const auto formats = json.find("formats");
  if (!formats) return {};
  const auto items = formats->items();
  if (!items) return at(file.path, items.error().message);
  for (const JsonReader& item : *items) {
    if (auto read = read_format(item, table); !read) return at(file.path, read.error().message);
  }
  return {};
}

}  // namespace

Result<Described> read_engine_descriptions(const std::string& directory) {
  const auto paths = paths_in(directory);
  if (!paths) return paths.error();
  std::vector<File> files;
  Described described;
  // Formats first: an engine may read what another file declares.
  for (const auto& path : *paths) {
    auto file = read_file(path);
    if (!file) return file.error();
    if (auto added = add_formats(*file, described.formats); !added) return added.error();
    files.push_back(*std::move(file));
  }
  std::vector<std::string> names;
  for (const auto& engine : builtin_engines({})) names.push_back(engine->name());
  for (const File& file : files) {
    auto engine = read_engine(file.json.read(), described.formats, file.mark);
    if (!engine) return at(file.path, engine.error().message);
    if (std::find(names.begin(), names.end(), engine->name) != names.end())
      return at(file.path, "$.name: expected a name that no other engine has, got \"" + engine->name + "\"");
    names.push_back(engine->name);
    described.engines.push_back(*std::move(engine));
  }
  return described;
}

}  // namespace convd::engines
