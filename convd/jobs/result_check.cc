#include "convd/jobs/result_check.h"

#include <sys/stat.h>

#include <optional>
#include <utility>

#include "convd/jobs/log.h"

namespace convd::jobs {

using shared::Result;
using store::Verdict;

// A file that is being read through, for one who asked for it.
struct ResultCheck::Reading {
  std::string id;
  ResultHandle handle;
  Done done;
  store::Verification verification;
  std::optional<Verdict> verdict = {};  // the file thread's while it reads
};

ResultCheck::~ResultCheck() {
  *alive_ = false;
}

shared::Error ResultCheck::complain(const std::string& id, const std::string& name, std::string_view what) {
  ++damaged_;
  log()->error("{}: the result \"{}\" {}", id, name, what);
  return {shared::ErrorCode::result_damaged, "the stored result " + std::string(what) + ": convert again", {}};
}

Result<ResultHandle> ResultCheck::open(const std::string& id, const shared::ResultFile& file) {
  auto fd = store_.files().open_result(id, file.name);
  if (!fd) return complain(id, file.name, "is not there, although nothing has removed it");
  struct stat facts {};
  if (::fstat(fd->get(), &facts) != 0 || facts.st_size != file.size_bytes)
    return complain(id, file.name, "does not have the size it was stored with");
  return ResultHandle{file, *std::move(fd)};
}

void ResultCheck::verify(const std::string& id, ResultHandle handle, Done done) {
  const std::string sha256 = handle.file.sha256;
  const int fd = handle.fd.get();
  const auto reading =
      std::make_shared<Reading>(Reading{id, std::move(handle), std::move(done), store::Verification(fd, sha256)});
  if (const auto known = store_.files().verified().verdict_of(fd, sha256)) return answer(reading, *known);
  read_on(reading);
}

void ResultCheck::read_on(const std::shared_ptr<Reading>& reading) {
  const auto step = [reading](store::Files& files) -> Result<void> {
    reading->verdict = reading->verification.step(files.verified());
    return {};
  };
  store_.submit(step, nullptr, [this, alive = alive_, reading](const Result<void>& outcome) {
    if (!*alive) return;
    if (!outcome) return answer(reading, Verdict::damaged);
    if (!reading->verdict) return read_on(reading);
    answer(reading, *reading->verdict);
  });
}

void ResultCheck::answer(const std::shared_ptr<Reading>& reading, Verdict verdict) {
  if (verdict == Verdict::good) return reading->done(std::move(reading->handle));
  reading->done(complain(reading->id, reading->handle.file.name, "does not have the bytes it was stored with"));
}

}  // namespace convd::jobs
