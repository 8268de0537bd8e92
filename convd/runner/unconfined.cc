#include "convd/runner/unconfined.h"

#include <fcntl.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <system_error>

#include "convd/process/sandbox.h"

namespace convd::runner {
namespace {

constexpr std::size_t copy_bytes = 1 << 20;

std::string replaced(std::string text, const std::string& from, const std::string& to) {
  for (std::size_t at = text.find(from); at != std::string::npos; at = text.find(from, at + to.size()))
    text.replace(at, from.size(), to);
  return text;
}

bool copy(int source, const std::string& path) {
  const loop::UniqueFd target(open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644));
  off_t offset = 0;
  ssize_t length = 0;
  while (target && (length = sendfile(target.get(), source, &offset, copy_bytes)) > 0) continue;
  return target && length == 0;
}

}  // namespace

shared::Result<void> run_unconfined(const process::ChildSpec& spec, const std::vector<loop::UniqueFd>& descriptors,
                                    const std::string& work_dir, const std::string& name, uid_t user, Launch& how) {
  const std::string folder = work_dir + "/" + name + ".in";
  const std::string out = work_dir + "/" + name;
  const auto inside = [&](std::string text) {
    text = replaced(std::move(text), "/in/", folder + "/");
    text = replaced(std::move(text), "/out/", out + "/");
    return replaced(std::move(text), "/tmp/", folder + "/tmp/");
  };
  std::error_code failed;
  std::filesystem::create_directories(folder + "/tmp", failed);
  bool ok = !failed;
  for (std::size_t i = 0; i < spec.inputs.size(); ++i)
    ok = ok && copy(descriptors[i + 2].get(), folder + "/" + spec.inputs[i].name);
  for (const process::MadeFile& file : spec.files) {
    const std::string path = inside(file.path);
    std::filesystem::create_directories(std::filesystem::path(path).parent_path(), failed);
    std::ofstream(path) << file.content;
  }
  if (user != static_cast<uid_t>(-1)) {
    for (const auto& entry : std::filesystem::recursive_directory_iterator(folder, failed)) {
      ok = lchown(entry.path().c_str(), user, user) == 0 && ok;
    }
  }
  if (!ok) return shared::Error{shared::ErrorCode::unavailable, "the inputs cannot be copied", {}};
  for (const std::string& word : spec.argv) how.argv.push_back(inside(word));
  for (auto& [key, value] : process::environment_of(spec))
    how.env.emplace_back(key, key == "HOME" ? folder + "/tmp" : inside(value));
  how.directory = out;
  how.user = user;
  return {};
}

void remove_unconfined(const std::string& work_dir, const std::string& name) {
  std::error_code ignored;
  std::filesystem::remove_all(work_dir + "/" + name + ".in", ignored);
}

}  // namespace convd::runner
