#pragma once
// A manager in a world the test owns: clock, engines, children, disk. A crash is restart(): what was in memory is gone.

#include <stdlib.h>

#include <filesystem>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "convd/jobs/manager.h"
#include "tests/support/catch.h"
#include "tests/support/fake_engine.h"
#include "tests/support/fake_spawner.h"
#include "tests/support/memory_store.h"

namespace tests {

class TemporaryDirectory {
 public:
  TemporaryDirectory() {
    std::string name = (std::filesystem::temp_directory_path() / "convd-test-XXXXXX").string();
    if (::mkdtemp(name.data()) != nullptr) path_ = name;
  }
  ~TemporaryDirectory() { std::filesystem::remove_all(path_); }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

// office: docx -> pdf, poppler: pdf -> png, layout: pdf -> md, json and txt. The order of the tables is that of the
// registry.
inline std::vector<std::unique_ptr<convd::engines::Engine>> fake_engines() {
  using convd::engines::OptionSpec;
  using convd::engines::OptionType;
  const OptionSpec pages{"pages", OptionType::page_range, 0, 0, {}, "", "pages", {}};
  const OptionSpec password{"password", OptionType::text, 0, 255, {}, "", "password", {}};
  const OptionSpec landscape{"landscape", OptionType::flag, 0, 0, {}, "", "needs a warm office", {"pdf"}};
  const OptionSpec dpi{"dpi", OptionType::integer, 10, 600, {}, "", "resolution", {"png"}};
  std::vector<std::unique_ptr<convd::engines::Engine>> engines;
  engines.push_back(std::make_unique<FakeEngine>("office", std::vector<convd::engines::Edge>{{"docx", "pdf", 800, 90}},
                                                 std::vector{pages, password, landscape}, "7.4.7"));
  engines.push_back(std::make_unique<FakeEngine>("poppler", std::vector<convd::engines::Edge>{{"pdf", "png", 200, 90}},
                                                 std::vector{pages, password, dpi}));
  engines.push_back(std::make_unique<FakeEngine>(
      "layout",
      std::vector<convd::engines::Edge>{{"pdf", "md", 100, 90}, {"pdf", "json", 100, 90}, {"pdf", "txt", 100, 90}}));
  return engines;
}

inline std::string an_archive_of(const std::string& name, const std::string& content = {}) {
  const auto put = [](std::string& header, std::size_t at, std::size_t number) {
    for (std::size_t i = 0; i < 4; ++i) header[at + i] = static_cast<char>(number >> 8 * i & 0xFF);
  };
  // `at`: of the two sizes, stored and whole.
  const auto sized = [&](std::string header, std::size_t at) {
    put(header, at, content.size());
    put(header, at + 4, content.size());
    header[at + 8] = static_cast<char>(name.size());
    return header;
  };
  const std::string local = sized(std::string("PK\x03\x04", 4) + std::string(26, '\0'), 18) + name + content;
  const std::string entry = sized(std::string("PK\x01\x02", 4) + std::string(42, '\0'), 20) + name;
  std::string end = std::string("PK\x05\x06", 4) + std::string(18, '\0');
  end[8] = end[10] = 1;
  put(end, 12, entry.size());
  put(end, 16, local.size());
  return local + entry + end;
}
inline const std::string a_docx = an_archive_of("[Content_Types].xml");
inline const std::string a_pdf = "%PDF-1.7\n1 0 obj\n";

// Test thread only.
class House {
 private:
  TemporaryDirectory directory_;
  convd::jobs::Settings settings_;

 public:
  FakeLoop loop;
  MemoryStore store;
  FakeSpawner spawner;
  convd::engines::Registry registry;

  using Manager = convd::jobs::Manager;
  using Status = shared::StatusObject;

  // Most stories are about runs, of the same few documents.
  enum class Reuse : std::uint8_t { off, on };

  explicit House(convd::jobs::Settings settings = {}, Reuse reuse = Reuse::off)
      : settings_(std::move(settings)),
        store(loop, *convd::store::Files::open(directory_.path())),
        spawner(loop),
        registry(fake_engines()) {
    // The versions are no part of these stories, but for the one about them.
    registry.set_version("office", "7.4.7");
    settings_.disk_floor_bytes = 0;
    settings_.reuse = reuse == Reuse::on;
    settings_.font_roots = {};
    restart();
  }

  // As after kill -9: no destructor's work reaches the disk, the children are gone.
  void restart() {
    store.crash();
    manager_.reset();
    board_ = std::make_unique<convd::events::Board>(loop);
    manager_ = std::make_unique<Manager>(loop, store, registry, spawner, *board_, settings_);
    bool recovered = false;
    manager_->recover([&](shared::Result<void> outcome) { recovered = outcome.ok(); });
    loop.turn();
    REQUIRE(recovered);
  }

  // The same while commits are held back: they never come.
  void restart_held() {
    store.crash();
    store.let_go();
    restart();
  }

  Manager& manager() { return *manager_; }
  const std::string& state() const { return directory_.path(); }

  void put(const std::string& name, const std::string& bytes) {
    auto upload = manager_->begin_upload("uid:1");
    REQUIRE(upload);
    REQUIRE((*upload)->append(bytes));
    manager_->put_document("uid:1", name, *std::move(upload), [](auto stored) { REQUIRE(stored); });
    loop.turn();
  }

  convd::jobs::Submission upload(const std::string& filename, const std::string& bytes,
                                 const std::string& org = "uid:1") {
    convd::jobs::Submission submission;
    submission.org = submission.principal = org;
    submission.filename = filename;
    auto upload = manager_->begin_upload(org);
    REQUIRE(upload);
    REQUIRE((*upload)->append(bytes));
    submission.upload = *std::move(upload);
    return submission;
  }
  convd::jobs::Submission library(const std::string& filename, const std::string& org = "uid:1") {
    convd::jobs::Submission submission;
    submission.org = submission.principal = org;
    submission.filename = filename;
    return submission;
  }

  shared::Result<Status> submit(convd::jobs::Submission submission) {
    return answer([&](auto done) { manager_->submit(std::move(submission), done); });
  }
  std::string accepted(convd::jobs::Submission submission) {
    const auto status = submit(std::move(submission));
    INFO((status ? std::string("accepted") : status.error().message));
    REQUIRE(status);
    return status->id;
  }
  shared::Result<Status> cancel(const std::string& id, const std::string& org = "uid:1") {
    return answer([&](auto done) { manager_->cancel(org, id, done); });
  }
  shared::Result<Status> retry(const std::string& id) {
    return answer([&](auto done) { manager_->retry("uid:1", "uid:1", id, done); });
  }
  Status status(const std::string& id, const std::string& org = "uid:1") {
    const auto found = manager_->status(org, id);
    REQUIRE(found);
    return *found;
  }
  // "error input_invalid", "completed"
  std::string fate(const std::string& id) {
    const Status object = status(id);
    std::string text(shared::to_string(object.status));
    if (object.error_info) text += " " + std::string(shared::to_string(object.error_info->code));
    return text;
  }
  std::string result_text(const std::string& id, const std::string& name = {}) {
    std::optional<shared::Result<convd::jobs::ResultHandle>> fetched;
    manager_->fetch_result("uid:1", id, name, [&](shared::Result<convd::jobs::ResultHandle> outcome) {
      fetched.emplace(std::move(outcome));
    });
    loop.turn();
    REQUIRE(fetched);
    const auto& handle = *fetched;
    if (!handle) return std::string(shared::to_string(handle.error().code));
    std::string text(static_cast<std::size_t>(handle->file.size_bytes), '\0');
    REQUIRE(::pread(handle->fd.get(), text.data(), text.size(), 0) == static_cast<ssize_t>(text.size()));
    return text;
  }
  // The child that runs for this conversion now.
  FakeSpawner::ChildId child_of(const std::string& id) {
    for (const auto child : spawner.running()) {
      if (spawner.child(child).spec.job.rfind(id + "/", 0) == 0) return child;
    }
    FAIL("nothing runs for " << id);
    return 0;
  }
  void succeed(const std::string& id, std::map<std::string, std::string> outputs) {
    spawner.succeeds(child_of(id), std::move(outputs));
    loop.turn();
  }

 private:
  template <typename Call>
  shared::Result<Status> answer(Call call) {
    std::optional<shared::Result<Status>> answered;
    call([&answered](shared::Result<Status> outcome) { answered = std::move(outcome); });
    loop.turn();
    REQUIRE(answered);
    return *std::move(answered);
  }

  std::unique_ptr<convd::events::Board> board_;
  std::unique_ptr<Manager> manager_;
};

}  // namespace tests
