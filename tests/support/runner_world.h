#pragma once
// A real convd-runner on a real loop, and listeners that write down what they are told.

#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <unistd.h>

#include <functional>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "convd/loop/ev_loop.h"
#include "convd/process/runner_client.h"
#include "convd/process/runner_process.h"
#include "tests/support/paths.h"
#include "tests/support/processes.h"
#include "tests/support/temp_directory.h"

namespace tests {

using namespace std::chrono_literals;

struct Recorder final : convd::process::ChildListener {
  void on_output(convd::process::Stream stream, std::string_view bytes) override {
    (stream == convd::process::Stream::out ? out : err) += bytes;
  }
  void on_usage(std::int64_t cpu_ms) override { usage.push_back(cpu_ms); }
  void on_exit(const convd::process::Exit& ended) override { exit = ended; }

  std::string out;
  std::string err;
  std::vector<std::int64_t> usage;
  std::optional<convd::process::Exit> exit;
};

// A file with this content that has no name.
inline convd::loop::UniqueFd file_with(std::string_view content) {
  convd::loop::UniqueFd fd(memfd_create("test", MFD_CLOEXEC));
  if (!fd || ::write(fd.get(), content.data(), content.size()) != static_cast<ssize_t>(content.size()))
    throw std::runtime_error("memfd");
  return fd;
}

inline std::string content_of(int fd) {
  std::string text(1 << 16, '\0');
  const ssize_t length = ::pread(fd, text.data(), text.size(), 0);
  text.resize(length > 0 ? static_cast<std::size_t>(length) : 0);
  return text;
}

class RunnerWorld {
 public:
  explicit RunnerWorld(convd::process::RunnerOptions options = {}, convd::loop::milliseconds patience = 15s)
      : client(loop, patience), runner(loop, client, with_defaults(std::move(options))) {
    runner.start([this] { ++changes; });
  }

  // Runs the loop until `done`; throws when it never comes.
  void until(const std::function<bool()>& done, const char* what = "the awaited never came") {
    bool late = false;
    const auto checking = loop.every(1ms, [&] {
      if (done()) loop.stop();
    });
    const auto deadline = loop.after(60s, [&] {
      late = true;
      loop.stop();
    });
    if (!done()) loop.run();
    if (late) throw std::runtime_error(what);
  }
  void until_ready() {
    until([this] { return client.state().connected; }, "the runner never said hello");
  }

  static convd::process::ChildSpec shell(std::string script) {
    convd::process::ChildSpec spec;
    spec.job = "test";
    spec.argv = {"/usr/bin/sh", "-c", std::move(script)};
    return spec;
  }
  // Runs it to its end and gives back what was told; `id` for open_output().
  Recorder run(const convd::process::ChildSpec& spec, convd::process::ChildId* id = nullptr) {
    Recorder told;
    const auto child = client.start(spec, told);
    until([&] { return told.exit.has_value(); }, "the child never ended");
    if (id != nullptr)
      *id = child;
    else
      client.release(child);
    return told;
  }
  shared::Result<convd::loop::UniqueFd> open(convd::process::ChildId id, const std::string& name) {
    std::optional<shared::Result<convd::loop::UniqueFd>> opened;
    client.open_output(id, name, [&](shared::Result<convd::loop::UniqueFd> file) { opened = std::move(file); });
    until([&] { return opened.has_value(); }, "the output was never opened");
    return *std::move(opened);
  }

  TempDirectory directory;
  convd::loop::EvLoop loop;
  convd::process::RunnerClient client;
  convd::process::RunnerProcess runner;
  int changes = 0;

 private:
  convd::process::RunnerOptions with_defaults(convd::process::RunnerOptions options) const {
    if (options.program.empty()) options.program = CONVD_BINARY_DIR "/convd-runner";
    if (options.work_dir.empty()) options.work_dir = directory / "work";
    options.log_level = "error";
    options.warm_office = "never";  // office_pool_test is about that
    return options;
  }
};

}  // namespace tests
