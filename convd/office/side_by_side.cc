#include "convd/office/side_by_side.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <filesystem>
#include <utility>
#include <vector>

#include "convd/loop/unique_fd.h"
#include "convd/office/join.h"
#include "convd/office/page_range.h"
#include "convd/office/settings.h"

namespace convd::office {
namespace {

using loop::UniqueFd;

struct Part {
  process::OfficeJob job;
  std::string directory;  // its own: LibreOffice puts temporary files beside its output
  pid_t process = -1;

  std::string path() const { return directory + "/part.pdf"; }
};

std::vector<Part> divide(const process::OfficeJob& job, const Layout& layout, int count, const std::string& workspace) {
  std::vector<Part> parts;
  const auto& pages = layout.chosen;
  for (int i = 0; i < count; ++i) {
    const auto edge = [&](int n) { return static_cast<std::ptrdiff_t>(pages.size()) * n / count; };
    Part part{job, workspace + "/tmp/part-" + std::to_string(i + 1), -1};
    std::erase_if(part.job.export_data, [](const process::FilterValue& entry) { return entry.name == "PageRange"; });
    part.job.export_data.push_back(
        {"PageRange", process::ValueKind::text, range_of({pages.begin() + edge(i), pages.begin() + edge(i + 1)})});
    std::filesystem::create_directory(part.directory);
    parts.push_back(std::move(part));
  }
  return parts;
}

// Says a byte for each page. Ends with its parent.
[[noreturn]] void export_part(const Lok::Inside& lok, const Document& document, const Part& part, int progress) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  lok.symbols.set_temp_directory(to_uno(file_url(part.directory)));
  std::int64_t said = 0;
  const auto stored = store_document(document, part.job, part.path(), [&](std::int64_t done, std::int64_t) {
    for (; said < done; ++said) {
      if (::write(progress, ".", 1) != 1) return;
    }
  });
  ::_exit(stored ? 0 : 1);
}

// How many bytes are there now; all until the end of the last writer when the descriptor waits.
class Pages {
 public:
  Pages(UniqueFd from, const Steps& steps, std::int64_t total) : from_(std::move(from)), steps_(steps), total_(total) {}

  void of_this_process(std::int64_t done) {
    own_ = done;
    take();
    steps_(own_ + others_, total_);
  }
  void wait_for_others() {
    ::fcntl(from_.get(), F_SETFL, 0);
    while (take()) steps_(own_ + others_, total_);
  }

 private:
  bool take() {
    std::array<char, 256> bytes{};
    const ssize_t size = ::read(from_.get(), bytes.data(), bytes.size());
    others_ += std::max<ssize_t>(size, 0);
    return size > 0;
  }

  UniqueFd from_;
  const Steps& steps_;
  const std::int64_t total_;
  std::int64_t own_ = 0;
  std::int64_t others_ = 0;
};

bool all_ended_well(const std::vector<Part>& parts) {
  bool well = true;
  for (const Part& part : parts) {
    if (part.process <= 0) continue;
    int status = 0;
    while (::waitpid(part.process, &status, 0) < 0 && errno == EINTR) {
    }
    well = well && status == 0;
  }
  return well;
}

// The first part is this process's. Whether all are there.
bool export_all(const Lok::Inside& lok, const Document& document, std::vector<Part>& parts, Pages& pages,
                UniqueFd progress) {
  bool started = true;
  for (std::size_t i = 1; i < parts.size() && started; ++i) {
    parts[i].process = ::fork();
    if (parts[i].process == 0) export_part(lok, document, parts[i], progress.get());
    started = parts[i].process > 0;
  }
  progress.reset();
  bool stored = false;
  if (started)
    stored = store_document(document, parts.front().job, parts.front().path(), [&](std::int64_t done, std::int64_t) {
               pages.of_this_process(done);
             }).ok();
  if (!stored) {
    for (const Part& part : parts) {
      if (part.process > 0) ::kill(part.process, SIGKILL);
    }
  }
  pages.wait_for_others();
  return all_ended_well(parts) && stored;
}

// Calculation leaves threads behind that wait for more.
void join_idle_threads(const Symbols& symbols) {
  if (symbols.thread_pool != nullptr && symbols.join_threads != nullptr) symbols.join_threads(symbols.thread_pool());
}

// 0 for what is no directory.
int count_entries(int directory) {
  DIR* entries = ::fdopendir(::fcntl(directory, F_DUPFD_CLOEXEC, 0));
  if (entries == nullptr) return 0;
  ::rewinddir(entries);
  int count = 0;
  while (const dirent* entry = ::readdir(entries)) count += entry->d_name[0] == '.' ? 0 : 1;
  ::closedir(entries);
  return count;
}

}  // namespace

bool can_fork(const Lok::Inside& lok) {
  join_idle_threads(lok.symbols);
  // A thread that has been joined stays listed for a moment.
  int threads = count_entries(lok.threads.get());
  for (int tries = 0; threads > 1 && tries < 20; ++tries) {
    ::usleep(1000);
    threads = count_entries(lok.threads.get());
  }
  return threads == 1;
}

bool store_side_by_side(const Lok::Inside& lok, const Document& document, const process::OfficeJob& job,
                        const Layout& layout, int count, const std::string& workspace, const Steps& steps) {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) return false;
  UniqueFd from(ends[0]);
  UniqueFd progress(ends[1]);
  ::fcntl(from.get(), F_SETFL, O_NONBLOCK);
  Pages pages(std::move(from), steps, layout.total());
  std::vector<Part> parts = divide(job, layout, count, workspace);
  const bool exported = export_all(lok, document, parts, pages, std::move(progress));
  std::vector<std::string> paths;
  paths.reserve(parts.size());
  for (const Part& part : parts) paths.push_back(part.path());
  const bool joined = exported && join_pdfs(paths, workspace + "/out/" + job.output);
  std::error_code ignored;
  for (const Part& part : parts) std::filesystem::remove_all(part.directory, ignored);
  return joined;
}

}  // namespace convd::office
