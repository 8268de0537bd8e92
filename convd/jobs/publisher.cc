#include "convd/jobs/publisher.h"

#include <utility>

#include "convd/jobs/log.h"
#include "convd/jobs/naming.h"

namespace convd::jobs {
namespace {

// Bounds the descriptors open at once: a long PDF becomes thousands of images.
constexpr std::size_t batch_size = 32;

// The message of the store names paths of this machine: it goes to the log, not to the caller.
shared::Error as_job_error(const std::string& id, const shared::Error& error) {
  if (error.code == shared::ErrorCode::interrupted) return error;
  log()->error("{}: the result could not be stored: {}", id, error.message);
  if (error.code == shared::ErrorCode::output_too_large) return {error.code, "The result is larger than allowed", {}};
  const bool full = error.code == shared::ErrorCode::disk_full;
  return {shared::ErrorCode::internal,
          full ? "The result could not be stored: the disk is full" : "The result could not be stored",
          {}};
}

}  // namespace

// Written by the file thread while a preparation runs, by the loop thread between them.
struct Publisher::Progress {
  struct Pending {
    std::string name;
    loop::UniqueFd fd;
  };
  std::vector<Pending> batch;
  std::int64_t bytes_left = 0;
  loop::UniqueFd early_page;
  shared::ResultInfo result;
};

Publisher::Publisher(store::Store& store, process::Spawner& spawner, Publication publication, Done done)
    : store_(store),
      spawner_(spawner),
      publication_(std::move(publication)),
      done_(std::move(done)),
      progress_(std::make_shared<Progress>()) {
  progress_->bytes_left = publication_.most_bytes;
  progress_->early_page = std::move(publication_.early_page);
}

Publisher::~Publisher() {
  *alive_ = false;
}

void Publisher::start() {
  open_next();
}

void Publisher::open_next() {
  spawner_.open_output(publication_.child, publication_.outputs[next_].name,
                       [this, alive = alive_](shared::Result<loop::UniqueFd> fd) {
                         if (*alive) opened(std::move(fd));
                       });
}

void Publisher::opened(shared::Result<loop::UniqueFd> fd) {
  if (!fd) return finish(as_job_error(publication_.id, fd.error()));
  const int count = static_cast<int>(publication_.outputs.size());
  ++next_;
  progress_->batch.push_back(
      {result_name(publication_.stem, publication_.extension, static_cast<int>(next_), count), *std::move(fd)});
  if (all_opened() || progress_->batch.size() == batch_size) {
    flush();
  } else {
    open_next();
  }
}

std::function<shared::Result<void>(store::Files&)> Publisher::work() {
  const bool last = all_opened();
  return [progress = progress_, last, id = publication_.id, attempt = publication_.attempt,
          run = store::Files::run_name(publication_.id, publication_.attempt), media_type = publication_.media_type,
          zip = publication_.stem + ".zip"](store::Files& files) -> shared::Result<void> {
    auto& parts = progress->result.parts;
    for (auto& [name, fd] : progress->batch) {
      const auto published = files.publish_result(run, name, fd.get(), progress->bytes_left);
      if (!published) return published.error();
      progress->bytes_left -= published->size_bytes;
      parts.push_back({name, media_type, published->size_bytes, published->sha256});
    }
    progress->batch.clear();
    if (!last) return {};
    if (parts.size() == 1) {
      progress->result.file = parts.front();
      parts.clear();
    } else {
      std::vector<std::string> members;
      for (const auto& part : parts) members.push_back(part.name);
      const auto published = files.publish_zip(run, zip, members);
      if (!published) return published.error();
      progress->result.file = {zip, "application/zip", published->size_bytes, published->sha256};
    }
    if (progress->early_page) {
      // A picture that cannot be kept is no reason to lose the result.
      const auto kept =
          files.publish_result(run, std::string(early_page_file), progress->early_page.get(), most_early_page_bytes);
      if (!kept) log()->warn("{}: the early page is not kept: {}", id, kept.error().message);
    }
    return files.seal_run(id, attempt);
  };
}

void Publisher::flush() {
  store_.submit(work(), nullptr, [this, alive = alive_, last = all_opened()](shared::Result<void> outcome) {
    if (!*alive) return;
    if (!outcome) return finish(as_job_error(publication_.id, outcome.error()));
    if (last) return finish(progress_->result);
    open_next();
  });
}

void Publisher::finish(shared::Result<shared::ResultInfo> result) {
  const Done done = std::move(done_);
  done(std::move(result));
}

}  // namespace convd::jobs
