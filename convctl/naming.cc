#include "convctl/naming.h"

#include <glob.h>

#include <algorithm>
#include <cctype>
#include <filesystem>
#include <memory>

#include "convctl/failure.h"

namespace convctl {

namespace fs = std::filesystem;

std::string base_name(std::string_view path) {
  const auto slash = path.rfind('/');
  return std::string(slash == std::string_view::npos ? path : path.substr(slash + 1));
}

std::string extension_of(std::string_view path) {
  std::string name = base_name(path);
  const auto dot = name.rfind('.');
  if (dot == std::string::npos || dot == 0) return "";
  name.erase(0, dot + 1);
  std::transform(name.begin(), name.end(), name.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return name;
}

std::vector<std::string> expand(const std::vector<std::string>& arguments) {
  std::vector<std::string> files;
  for (const std::string& argument : arguments) {
    if (argument.find_first_of("*?[") == std::string::npos || exists(argument)) {
      files.push_back(argument);
      continue;
    }
    glob_t found{};
    const std::unique_ptr<glob_t, decltype(&globfree)> owner(&found, globfree);
    if (glob(argument.c_str(), 0, nullptr, &found) != 0) files.push_back(argument);
    for (std::size_t i = 0; i < found.gl_pathc; ++i) files.emplace_back(found.gl_pathv[i]);
  }
  return files;
}

std::string target_path(const std::string& input, std::string_view extension, const std::string& directory) {
  std::string name = base_name(input);
  if (const auto dot = name.rfind('.'); dot != std::string::npos && dot != 0) name.resize(dot);
  if (!extension.empty()) name += "." + std::string(extension);
  if (!directory.empty()) return (fs::path(directory) / name).string();
  return input.substr(0, input.size() - base_name(input).size()) + name;
}

std::string free_path(const std::string& path, const std::set<std::string>& taken) {
  const fs::path whole(path);
  std::string candidate = path;
  for (int number = 1; exists(candidate) || taken.contains(candidate); ++number) {
    const std::string name = whole.stem().string() + "-" + std::to_string(number) + whole.extension().string();
    candidate = whole.has_parent_path() ? (whole.parent_path() / name).string() : name;
  }
  return candidate;
}

bool exists(const std::string& path) {
  std::error_code error;
  return fs::exists(fs::symlink_status(path, error));
}

bool is_newer(const std::string& path, const std::string& than) {
  std::error_code first;
  std::error_code second;
  const auto a = fs::last_write_time(path, first);
  const auto b = fs::last_write_time(than, second);
  return !first && !second && a >= b;
}

std::string safe_name(const std::string& name) {
  const bool control = std::any_of(name.begin(), name.end(), [](unsigned char c) { return c < 0x20 || c == 0x7F; });
  if (name.empty() || name == "." || name == ".." || name.find('/') != std::string::npos || control) {
    throw Failure{Exit::protocol, "convd named a result in a way that is not a file name", ""};
  }
  return name;
}

bool is_stream(std::string_view path) {
  return path == "-";
}

bool is_text_format(std::string_view extension) {
  constexpr std::string_view text[] = {"txt", "md",  "html", "htm", "rst", "tex",   "csv",  "tsv",  "json",
                                       "xml", "svg", "srt",  "vtt", "org", "ipynb", "hocr", "fodt", "yaml"};
  return std::find(std::begin(text), std::end(text), extension) != std::end(text);
}

}  // namespace convctl
