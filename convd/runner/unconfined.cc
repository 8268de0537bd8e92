#include "convd/runner/unconfined.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <fstream>
#include <string>
#include <system_error>
#include <utility>

#include "convd/process/sandbox.h"

namespace convd::runner {
namespace {

using Places = std::array<std::pair<std::string, std::string>, 3>;  // path inside -> where it really is

// Replaces each place where it starts a path, and never within a longer name ("/tmpl").
std::string outside(const Places& places, std::string text) {
  for (std::size_t at = text.find('/'); at < text.size(); at = text.find('/', at)) {
    const bool starts = at == 0 || text[at - 1] == '=' || text[at - 1] == ':' || text.substr(0, at).ends_with("//");
    const auto place = std::find_if(places.begin(), places.end(), [&](const auto& candidate) {
      const std::size_t end = at + candidate.first.size();
      return starts && text.compare(at, candidate.first.size(), candidate.first) == 0 &&
             (end == text.size() || text[end] == '/');
    });
    if (place != places.end()) text.replace(at, place->first.size(), place->second);
    at += place != places.end() ? place->second.size() : 1;
  }
  return text;
}

bool write_file(const std::string& path, const std::string& content) {
  std::error_code failed;
  std::filesystem::create_directories(std::filesystem::path(path).parent_path(), failed);
  std::ofstream file(path);
  file << content;
  file.close();
  return static_cast<bool>(file);
}

}  // namespace

shared::Result<void> run_unconfined(const process::ChildSpec& spec, const Workspace& workspace,
                                    const std::string& inspector, Launch& how) {
  const Places places{{{"/in", workspace.in()}, {"/out", workspace.out()}, {"/tmp", workspace.tmp()}}};
  for (const process::MadeFile& file : spec.files) {
    const std::string path = outside(places, file.path);
    if (path == file.path) continue;  // a setting of the system's: not ours to replace
    if (!write_file(path, file.content))
      return shared::Error{shared::ErrorCode::unavailable, "the files of the engine cannot be written", {}};
  }
  if (how.user != static_cast<uid_t>(-1)) {
    std::error_code failed;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(workspace.tmp(), failed)) {
      if (lchown(entry.path().c_str(), how.user, how.user) != 0)
        return shared::Error{shared::ErrorCode::unavailable, "the files of the engine cannot be given to its user", {}};
    }
  }
  if (!spec.inspection.empty()) how.argv = {inspector, spec.inspection, outside(places, process::input_path(spec))};
  // The program itself lies where it lies, be it below /tmp.
  for (std::size_t i = 0; i < spec.argv.size(); ++i)
    how.argv.push_back(i == 0 ? spec.argv[i] : outside(places, spec.argv[i]));
  for (auto& [key, value] : process::environment_of(spec)) how.env.emplace_back(key, outside(places, value));
  how.directory = workspace.out();
  return {};
}

}  // namespace convd::runner
