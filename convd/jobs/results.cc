// What is asked about conversions, and their removal.

#include <sys/stat.h>

#include <algorithm>
#include <utility>

#include "convd/jobs/job_record.h"
#include "convd/jobs/manager_impl.h"
#include "convd/loop/crash_point.h"
#include "convd/store/readable.h"

namespace convd::jobs {
namespace {

using shared::Error;
using shared::ErrorCode;
using shared::Result;

constexpr int most_listed = 500;

Error unknown(const std::string& id) {
  return {ErrorCode::conversion_not_found, "there is no conversion \"" + id + "\"", {}};
}

const shared::ResultFile* find_file(const shared::ResultInfo& result, const std::string& name) {
  if (name.empty() || name == result.file.name) return &result.file;
  const auto part =
      std::find_if(result.parts.begin(), result.parts.end(), [&](const auto& file) { return file.name == name; });
  return part == result.parts.end() ? nullptr : &*part;
}

}  // namespace

Result<Job> Manager::Impl::find(const std::string& org, const std::string& id) {
  if (const Live* found = live(id)) {
    if (found->job.org != org) return unknown(id);
    return found->job;
  }
  const auto row = store::readable([&] { return store_.conversion(id); });
  if (!row) return row.error();
  if (!*row || (*row)->org != org) return unknown(id);
  return from_row(**row);
}

Result<shared::StatusObject> Manager::Impl::status(const std::string& org, const std::string& id) {
  if (Live* found = live(id)) {
    if (found->job.org != org) return unknown(id);
    keep_up(*found);
    return computed(*found);
  }
  const auto job = find(org, id);
  if (!job) return job.error();
  return to_status_object(*job);
}

Result<Page<shared::StatusObject>> Manager::Impl::list(const ListRequest& request) {
  const int limit = std::clamp(request.limit, 1, most_listed);
  store::ListQuery query;
  query.org = request.org;
  if (request.status) query.status = shared::to_string(*request.status);
  query.filename = request.filename;
  query.before = request.before;
  query.limit = limit + 1;
  auto rows = store_.conversions(query);
  Page<shared::StatusObject> page;
  const bool more = rows.size() > static_cast<std::size_t>(limit);
  if (more) rows.resize(static_cast<std::size_t>(limit));
  for (const auto& row : rows) {
    if (Live* found = live(row.id)) {
      keep_up(*found);
      page.items.push_back(computed(*found));
      continue;
    }
    auto job = from_row(row);
    if (!job) return job.error();
    page.items.push_back(to_status_object(*job));
  }
  if (more) page.next = page.items.back().id;
  return page;
}

Result<ResultHandle> Manager::Impl::result(const std::string& org, const std::string& id, const std::string& name) {
  const auto job = find(org, id);
  if (!job) return job.error();
  if (!shared::is_terminal(job->status)) {
    return Error{ErrorCode::not_finished,
                 "the conversion is " + std::string(shared::to_string(job->status)) + "; wait for its end",
                 {}};
  }
  if (!job->result) {
    return Error{ErrorCode::not_found,
                 "there is no result: the conversion ended as " + std::string(shared::to_string(job->status)),
                 {}};
  }
  const shared::ResultFile* file = find_file(*job->result, name);
  if (file == nullptr) return Error{ErrorCode::not_found, "the result has no file \"" + name + "\"", {}};
  if (job->result_gone_ms) return Error{ErrorCode::result_gone, why_gone(*job), {}};
  return result_check_.open(id, *file);
}

void Manager::Impl::fetch_result(const std::string& org, const std::string& id, const std::string& name, Fetched done) {
  auto handle = result(org, id, name);
  if (!handle) return done(handle.error());
  result_check_.verify(id, *std::move(handle), std::move(done));
}

Result<ResultHandle> Manager::Impl::early_page(const std::string& org, const std::string& id) {
  const auto job = find(org, id);
  if (!job) return job.error();
  const Live* found = live(id);
  loop::UniqueFd fd;
  if (found != nullptr && found->attempt) fd = loop::duplicate(found->attempt->early_page());
  if (!fd) {
    if (auto kept = store_.files().open_result(id, std::string(early_page_file))) fd = *std::move(kept);
  }
  struct stat facts {};
  if (!fd || ::fstat(fd.get(), &facts) != 0) {
    return Error{
        ErrorCode::not_found,
        "there is no early page, or not yet: it comes with the option early_page, once the first page is ready",
        {}};
  }
  return ResultHandle{{"early-page.png", "image/png", facts.st_size, {}}, std::move(fd)};
}

void Manager::Impl::remove(const std::string& org, const std::string& id, std::function<void(Result<void>)> done) {
  auto job = find(org, id);
  if (!job) {
    return loop_.post(guarded([done = std::move(done), error = job.error()] { done(error); }));
  }
  if (!live(id)) return remove_ended(*job, std::move(done));
  cancel(org, id, [this, org, id, done = std::move(done)](const Result<shared::StatusObject>& cancelled) {
    // Whether it was the cancel or its own end that came first is the same to someone who wants it gone.
    if (!cancelled && cancelled.error().code != ErrorCode::already_finished) return done(cancelled.error());
    const auto ended = find(org, id);
    if (!ended) return done({});  // removed by another meanwhile
    remove_ended(*ended, done);
  });
}

void Manager::Impl::remove_ended(const Job& job, std::function<void(Result<void>)> done) {
  const auto write = [id = job.id, event = event_of(job, "removed", wall_ms())](store::Transaction& transaction,
                                                                                store::Files&) -> Result<void> {
    loop::crash_point("remove.before_row");
    if (transaction.remove_conversion(id)) transaction.append(event);
    return {};
  };
  store_.submit_essential(write, guarded([this, id = job.id, done = std::move(done)](Result<void> outcome) {
                            if (!outcome) return done(std::move(outcome));
                            remove_files(id, done);
                          }));
}

// After the commit: a row must never name files that are gone. A crash in between is swept at the next start.
void Manager::Impl::remove_files(const std::string& id, std::function<void(Result<void>)> done) {
  const auto remove = [id](store::Files& files) {
    loop::crash_point("remove.before_files");
    files.remove_results(id);
    return Result<void>();
  };
  store_.submit(remove, nullptr, [alive = alive_, done = std::move(done)](Result<void> outcome) {
    if (*alive && done) done(std::move(outcome));
  });
}

void Manager::Impl::drop_run(const Job& job) {
  const auto drop = [id = job.id, attempt = job.attempt](store::Files& files) {
    files.drop_run(id, attempt);
    return Result<void>();
  };
  store_.submit(drop, nullptr, nullptr);
}

std::vector<std::pair<std::string, std::string>> Manager::Impl::problems() const {
  std::vector<std::pair<std::string, std::string>> problems;
  const process::RunnerState runner = spawner_.state();
  if (!recovered_) problems.emplace_back("store", "recovery has not finished");
  if (const auto lost = store_.lost_write()) problems.emplace_back("store", lost->message);
  if (!runner.connected)
    problems.emplace_back("runner", runner.problem.empty() ? "the runner is away" : runner.problem);
  if (runner.connected && !runner.problem.empty()) problems.emplace_back("sandbox", runner.problem);
  if (const auto full = disk_.refusal()) problems.emplace_back("disk", full->message);
  if (const auto refused = closed()) problems.emplace_back("draining", refused->message);
  return problems;
}

}  // namespace convd::jobs
