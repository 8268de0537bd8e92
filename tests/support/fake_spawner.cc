#include "tests/support/fake_spawner.h"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <utility>

#include "convd/inspect/inspection.h"

namespace tests {
namespace {

using convd::process::End;

std::string read_all(int fd) {
  std::string text;
  std::array<char, 4096> buffer;
  for (off_t at = 0;;) {
    const ssize_t count = ::pread(fd, buffer.data(), buffer.size(), at);
    if (count <= 0) return text;
    text.append(buffer.data(), static_cast<std::size_t>(count));
    at += count;
  }
}

convd::loop::UniqueFd file_of(const std::string& content) {
  convd::loop::UniqueFd fd(::memfd_create("output", MFD_CLOEXEC));
  if (::write(fd.get(), content.data(), content.size()) != static_cast<ssize_t>(content.size())) fd.reset();
  return fd;
}

}  // namespace

FakeSpawner::ChildId FakeSpawner::start(const convd::process::ChildSpec& spec,
                                        convd::process::ChildListener& listener) {
  Child child;
  child.spec = spec;
  child.listener = &listener;
  if (!spec.inputs.empty()) child.input = read_all(spec.inputs.front().fd);
  children_.emplace(++last_id_, std::move(child));
  if (!spec.inspection.empty() && refused(last_id_)) return last_id_;
  most_at_once_ = std::max(most_at_once_, static_cast<int>(running().size()));
  if (!state_.connected) ends(last_id_, End::not_started, 0, "the runner is away");
  return last_id_;
}

// As convd-inspect would.
bool FakeSpawner::refused(ChildId id) {
  const convd::process::ChildSpec& spec = children_.at(id).spec;
  const auto inspection = convd::inspect::decode(spec.inspection);
  const std::string path = "/proc/self/fd/" + std::to_string(spec.inputs.front().fd);
  const auto why = inspection ? convd::inspect::inspect(*inspection, path) : std::nullopt;
  if (!why) return false;
  prints(id, convd::inspect::refusal_line(*why), convd::process::Stream::err);
  ends(id, End::exited, convd::inspect::refused_exit);
  return true;
}

void FakeSpawner::kill(ChildId id) {
  const auto found = children_.find(id);
  if (found != children_.end() && found->second.running) ends(id, End::killed, 9);
}

void FakeSpawner::forget(ChildId id) {
  Child& child = children_.at(id);
  child.listener = nullptr;
  child.running = false;
  child.released = true;
}

void FakeSpawner::open_output(ChildId id, const std::string& name, Opened done) {
  loop_.post([this, id, name, done = std::move(done)] {
    const Child& child = children_.at(id);
    if (!state_.connected) return done(shared::Error{shared::ErrorCode::interrupted, "no output " + name, {}});
    const auto output = child.outputs.find(name);
    if (child.released || output == child.outputs.end()) {
      return done(shared::Error{shared::ErrorCode::not_found, "no output " + name, {}});
    }
    done(file_of(output->second));
  });
}

void FakeSpawner::release(ChildId id) {
  children_.at(id).released = true;
}

void FakeSpawner::prints(ChildId id, const std::string& text, convd::process::Stream stream) {
  if (Child& child = children_.at(id); child.running && child.listener != nullptr)
    child.listener->on_output(stream, text);
}

void FakeSpawner::uses_cpu(ChildId id, std::int64_t cpu_ms) {
  if (Child& child = children_.at(id); child.running && child.listener != nullptr) child.listener->on_usage(cpu_ms);
}

void FakeSpawner::writes(ChildId id, const std::string& name, const std::string& content) {
  children_.at(id).outputs[name] = content;
}

void FakeSpawner::disk_is_full() {
  use_.disk_full = true;
}

void FakeSpawner::uses(std::int64_t cpu_ms, std::int64_t peak_rss_bytes, bool warm) {
  use_.user_ms = cpu_ms;
  use_.peak_rss_bytes = peak_rss_bytes;
  use_.warm = warm;
}

void FakeSpawner::succeeds(ChildId id, std::map<std::string, std::string> outputs) {
  Exit exit;
  exit.end = End::exited;
  for (const auto& [name, content] : outputs) exit.outputs.push_back({name, static_cast<std::int64_t>(content.size())});
  children_.at(id).outputs.merge(outputs);
  finish(id, std::move(exit));
}

void FakeSpawner::ends(ChildId id, End end, int status, const std::string& reason) {
  Exit exit;
  exit.end = end;
  exit.status = status;
  exit.reason = reason;
  finish(id, std::move(exit));
}

void FakeSpawner::finish(ChildId id, Exit exit) {
  if (!std::exchange(children_.at(id).running, false)) return;
  exit.user_ms = use_.user_ms;
  exit.peak_rss_bytes = use_.peak_rss_bytes;
  exit.warm = use_.warm;
  exit.disk_full = use_.disk_full;
  loop_.post([this, id, exit = std::move(exit)] {
    if (auto* listener = std::exchange(children_.at(id).listener, nullptr)) listener->on_exit(exit);
  });
}

void FakeSpawner::runner_goes() {
  state_.connected = false;
  for (const ChildId id : running()) ends(id, End::lost);
}

void FakeSpawner::runner_comes() {
  state_.connected = true;
}

std::vector<FakeSpawner::ChildId> FakeSpawner::running() const {
  std::vector<ChildId> ids;
  for (const auto& [id, child] : children_) {
    if (child.running) ids.push_back(id);
  }
  return ids;
}

bool FakeSpawner::all_released() const {
  return std::all_of(children_.begin(), children_.end(), [](const auto& entry) { return entry.second.released; });
}

}  // namespace tests
