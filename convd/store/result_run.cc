// Results of one attempt: apart from those of any other until they are complete, and then only in place of older ones.

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <cstdio>
#include <filesystem>
#include <optional>
#include <system_error>

#include "convd/loop/crash_point.h"
#include "convd/store/file_io.h"
#include "convd/store/files.h"
#include "convd/store/log.h"

namespace convd::store {
namespace {

// Beside the results, by which attempt they are: the target of a symbolic link, which is there as a whole or not at
// all.
constexpr std::string_view mark = "/.attempt";

shared::Result<void> set_mark(const std::string& directory, int attempt) {
  const std::string path = directory + std::string(mark);
  if (::symlink(std::to_string(attempt).c_str(), path.c_str()) == 0 || errno == EEXIST) return {};
  return io_error("mark the results of an attempt", errno);
}

// Nothing: there are no results. Those without a mark are older than any attempt.
std::optional<int> sealed_by(const std::string& directory) {
  std::array<char, 16> text;
  const ssize_t size = ::readlink((directory + std::string(mark)).c_str(), text.data(), text.size());
  int attempt = 0;
  if (size > 0) std::from_chars(text.data(), text.data() + size, attempt);
  if (size > 0 || ::access(directory.c_str(), F_OK) == 0) return attempt;
  return std::nullopt;
}

void remove_all(const std::string& directory) {
  std::error_code error;
  std::filesystem::remove_all(directory, error);
  if (error) log()->warn("{} stays: {}", directory, error.message());
}

}  // namespace

std::string Files::run_name(const std::string& id, int attempt) {
  return id + "." + std::to_string(attempt);
}

std::string Files::conversion_of(const std::string& name) {
  return name.substr(0, name.find('.'));
}

shared::Result<void> Files::seal_run(const std::string& id, int attempt) {
  if (!is_file_name(id)) return shared::Error{shared::ErrorCode::invalid_filename, "not the name of a result", ""};
  const std::string results = root_ + "/results";
  const std::string place = results + "/" + id;
  const std::string run = results + "/" + run_name(id, attempt);
  const auto sealed = sealed_by(place);
  if (sealed && *sealed >= attempt) {
    remove_all(run);
    return shared::Error{shared::ErrorCode::interrupted, "A later attempt has stored its results already.", ""};
  }
  if (auto marked = set_mark(run, attempt); !marked) return marked;
  // Nobody reads them: no row has named them, or the attempt that it was of would have been the last.
  if (sealed) remove_all(place);
  loop::crash_point("result.before_rename");
  if (::rename(run.c_str(), place.c_str()) != 0) return io_error("rename the results of an attempt", errno);
  loop::crash_point("result.renamed");
  if (auto synced = sync_directory(place); !synced) return synced;
  return sync_directory(results);
}

void Files::drop_run(const std::string& id, int attempt) {
  if (!is_file_name(id)) return;
  const std::string place = root_ + "/results/" + id;
  remove_all(root_ + "/results/" + run_name(id, attempt));
  const auto sealed = sealed_by(place);
  if (sealed && *sealed <= attempt) remove_all(place);
}

}  // namespace convd::store
