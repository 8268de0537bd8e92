#include "convd/store/files.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <mutex>
#include <set>
#include <system_error>

#include "convd/loop/crash_point.h"
#include "convd/store/file_io.h"
#include "convd/store/log.h"
#include "convd/store/sha256.h"
#include "convd/store/zip.h"

namespace convd::store {
namespace {

namespace fs = std::filesystem;
using shared::ErrorCode;

shared::Error not_a_name(std::string_view name) {
  return {ErrorCode::invalid_filename, "not the name of a stored file: \"" + std::string(name) + "\"", ""};
}

std::string blob_directory(const std::string& root, const std::string& sha256) {
  return root + "/blobs/" + sha256.substr(0, 2);
}

std::string blob_path(const std::string& root, const std::string& sha256) {
  return blob_directory(root, sha256) + "/" + sha256;
}

std::string results_directory(const std::string& root, const std::string& id) {
  return root + "/results/" + id;
}

loop::UniqueFd open_to_read(const std::string& path) {
  return loop::UniqueFd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
}

// Hashed from what is on the disk, not from where it came.
shared::Result<Published> bring_to_disk(int fd) {
  struct stat facts {};
  if (::fstat(fd, &facts) != 0) return io_error("look at a file", errno);
  auto digest = sha256_of(fd);
  if (!digest) return digest.error();
  loop::crash_point("result.before_fsync");
  if (auto synced = sync_file(fd); !synced) return synced.error();
  return Published{std::move(*digest), facts.st_size};
}

// A file of its own, also where there is one already: readers keep what they opened.
shared::Result<loop::UniqueFd> make_anew(const std::string& path) {
  if (::unlink(path.c_str()) != 0 && errno != ENOENT) return io_error("replace a file", errno);
  loop::UniqueFd fd(::open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  if (!fd) return io_error("make a file", errno);
  if (::fchmod(fd.get(), 0644) != 0) return io_error("set the mode of a file", errno);
  return fd;
}

// Fills a new file by `fill` and publishes it as results/<id>/<name>. Nothing stays behind when that fails.
template <typename Fill>
shared::Result<Published> make_result(const std::string& root, Verified& verified, const std::string& id,
                                      const std::string& name, Fill fill) {
  if (!is_file_name(id)) return not_a_name(id);
  if (!is_file_name(name)) return not_a_name(name);
  const std::string directory = results_directory(root, id);
  if (auto made = make_directory(directory); !made) return made.error();
  const std::string path = directory + "/" + name;
  auto file = make_anew(path);
  if (!file) return file.error();
  auto published = [&]() -> shared::Result<Published> {
    if (auto filled = fill(file->get()); !filled) return filled.error();
    return bring_to_disk(file->get());
  }();
  if (published)
    verified.remember(file->get(), published->sha256, Verdict::good);
  else
    ::unlink(path.c_str());
  return published;
}

void remove_tree(const std::string& path) {
  std::error_code error;
  fs::remove_all(path, error);
  if (error) log()->warn("{} stays: {}", path, error.message());
}

}  // namespace

// What uploads hold: blobs, and files in incoming/. And which names of blobs a power cut would leave: all in
// directories that this process has brought to the disk, but for those that have come since without it.
struct Files::Held {
  std::mutex mutex;
  std::multiset<std::string> digests;      // guarded by mutex
  std::set<std::string> incoming;          // guarded by mutex; names
  std::set<std::string> durable_prefixes;  // guarded by mutex; directories below blobs/
  std::set<std::string> volatile_names;    // guarded by mutex; digests
};

Files::Files(std::string root)
    : root_(std::move(root)),
      held_(std::make_shared<Held>()),
      reserve_(std::make_unique<Reserve>(root_ + "/reserve")),
      verified_(std::make_unique<Verified>()) {}

shared::Result<Files> Files::open(const std::string& state_dir) {
  std::error_code error;
  fs::create_directories(fs::path(state_dir).parent_path(), error);
  for (const std::string& path : {state_dir, state_dir + "/incoming", state_dir + "/blobs", state_dir + "/results"}) {
    if (auto made = make_directory(path); !made)
      return shared::Error{ErrorCode::unavailable, path + ": " + made.error().message, ""};
    if (::access(path.c_str(), R_OK | W_OK | X_OK) != 0) {
      return shared::Error{ErrorCode::unavailable, path + ": " + io_error("use this directory", errno).message, ""};
    }
  }
  if (auto synced = sync_directory(state_dir); !synced) return synced.error();
  return Files(state_dir);
}

shared::Result<std::unique_ptr<Upload>> Files::begin_upload() {
  std::string path = root_ + "/incoming/XXXXXX";
  // Made and named as taken in one: a sweep that finds the file must find it taken.
  const std::lock_guard lock(held_->mutex);
  loop::UniqueFd fd(::mkostemp(path.data(), O_CLOEXEC));
  if (!fd) return io_error("make a file for what arrives", errno);
  const std::string name = fs::path(path).filename();
  auto upload = std::make_unique<Upload>(std::move(fd), std::move(path));
  if (::fchmod(upload->fd_.get(), 0644) != 0) return io_error("set the mode of a file", errno);
  held_->incoming.insert(name);
  upload->place_ = {nullptr, [held = held_, name](const void*) {
                      const std::lock_guard release(held->mutex);
                      held->incoming.erase(name);
                    }};
  return upload;
}

bool Files::remove_incoming(const std::string& name) {
  if (!is_file_name(name)) return false;
  {
    const std::lock_guard lock(held_->mutex);
    if (held_->incoming.contains(name)) return false;
  }
  remove_tree(root_ + "/incoming/" + name);
  return true;
}

shared::Result<void> Files::publish_blob(Upload& upload) {
  // Before looking: a blob that is found now stays.
  if (!upload.hold_) upload.hold_ = hold(upload.sha256());
  const std::string path = blob_path(root_, upload.sha256());
  struct stat facts {};
  if (::stat(path.c_str(), &facts) == 0 && facts.st_size == upload.size_bytes()) {
    upload.discard();
    return make_durable(upload.sha256());
  }
  if (upload.path_.empty())
    return shared::Error{ErrorCode::unavailable, "The upload has been published and dropped already.", ""};
  loop::crash_point("blob.before_fsync");
  if (auto synced = sync_file(upload.fd_.get()); !synced) return synced;
  if (auto made = make_directory(blob_directory(root_, upload.sha256())); !made) return made;
  loop::crash_point("blob.before_rename");
  {
    // Before it can be found.
    const std::lock_guard lock(held_->mutex);
    held_->volatile_names.insert(upload.sha256());
  }
  if (::rename(upload.path_.c_str(), path.c_str()) != 0) return io_error("rename an upload", errno);
  upload.path_.clear();  // the file is the blob now: dropping the upload must not remove it
  upload.discard();
  loop::crash_point("blob.renamed");
  auto durable = make_durable(upload.sha256());
  loop::crash_point("blob.published");
  return durable;
}

shared::Result<void> Files::confirm_blob(const std::string& sha256) {
  if (auto blob = open_blob(sha256); !blob) return blob.error();
  return make_durable(sha256);
}

// Of a blob that is there. One call to the disk for most, none for what is known to be on it.
shared::Result<void> Files::make_durable(const std::string& sha256) {
  const std::string directory = blob_directory(root_, sha256);
  bool knows_directory = false;
  {
    const std::lock_guard lock(held_->mutex);
    knows_directory = held_->durable_prefixes.contains(directory);
    if (knows_directory && !held_->volatile_names.contains(sha256)) return {};
  }
  if (auto synced = sync_directory(directory); !synced) return synced;
  if (!knows_directory) {
    if (auto synced = sync_directory(root_ + "/blobs"); !synced) return synced;
  }
  const std::lock_guard lock(held_->mutex);
  held_->durable_prefixes.insert(directory);
  held_->volatile_names.erase(sha256);
  return {};
}

std::shared_ptr<const void> Files::hold(const std::string& sha256) {
  const std::lock_guard lock(held_->mutex);
  held_->digests.insert(sha256);
  return {nullptr, [held = held_, sha256](const void*) {
            const std::lock_guard release(held->mutex);
            held->digests.extract(sha256);
          }};
}

shared::Result<loop::UniqueFd> Files::open_blob(const std::string& sha256) const {
  if (!is_sha256(sha256)) return not_a_name(sha256);
  auto fd = open_to_read(blob_path(root_, sha256));
  if (fd) return fd;
  if (errno == ENOENT)
    return shared::Error{ErrorCode::not_found, "The bytes of this document are not stored any more.", ""};
  return io_error("open a stored document", errno);
}

shared::Result<Published> Files::publish_result(const std::string& id, const std::string& name, int source,
                                                std::int64_t most_bytes) {
  struct stat facts {};
  if (::fstat(source, &facts) != 0 || !S_ISREG(facts.st_mode)) {
    return shared::Error{ErrorCode::unavailable, "A result has to be a regular file.", ""};
  }
  return make_result(root_, *verified_, id, name, [&](int target) { return copy_all(source, target, most_bytes); });
}

shared::Result<Published> Files::publish_zip(const std::string& id, const std::string& name,
                                             const std::vector<std::string>& members) {
  std::vector<ZipMember> sources;
  for (const std::string& member : members) {
    auto fd = open_result(id, member);
    if (!fd) return fd.error();
    sources.push_back({member, std::move(*fd)});
  }
  return make_result(root_, *verified_, id, name, [&](int target) { return write_zip(target, sources); });
}

shared::Result<void> Files::seal_results(const std::string& id) {
  if (!is_file_name(id)) return not_a_name(id);
  loop::crash_point("result.before_seal");
  if (auto synced = sync_directory(results_directory(root_, id)); !synced) return synced;
  return sync_directory(root_ + "/results");
}

shared::Result<loop::UniqueFd> Files::open_result(const std::string& id, const std::string& name) const {
  if (!is_file_name(id)) return not_a_name(id);
  if (!is_file_name(name)) return not_a_name(name);
  auto fd = open_to_read(results_directory(root_, id) + "/" + name);
  if (fd) return fd;
  if (errno != ENOENT) return io_error("open a result", errno);
  std::error_code ignored;
  if (!fs::exists(results_directory(root_, id), ignored)) {
    return shared::Error{ErrorCode::result_gone, "The result is not stored any more: convert again.", ""};
  }
  return shared::Error{ErrorCode::not_found, "The result has no file named \"" + name + "\".", ""};
}

void Files::remove_results(const std::string& id) {
  if (is_file_name(id)) remove_tree(results_directory(root_, id));
}

void Files::remove_blob(const std::string& sha256) {
  if (!is_sha256(sha256)) return;
  const std::lock_guard lock(held_->mutex);
  loop::crash_point("blob.before_drop");
  if (held_->digests.contains(sha256)) return;
  remove_tree(blob_path(root_, sha256));
  held_->volatile_names.erase(sha256);
}

std::int64_t Files::free_bytes() const {
  struct statvfs facts {};
  if (::statvfs(root_.c_str(), &facts) != 0) return 0;
  return static_cast<std::int64_t>(facts.f_bavail) * static_cast<std::int64_t>(facts.f_frsize);
}

Files::FileRoom Files::file_room() const {
  struct statvfs facts {};
  if (::statvfs(root_.c_str(), &facts) != 0) return {};
  return {static_cast<std::int64_t>(facts.f_favail), static_cast<std::int64_t>(facts.f_files)};
}

}  // namespace convd::store
