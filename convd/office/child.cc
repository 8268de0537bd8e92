#include "convd/office/child.h"

#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <exception>
#include <filesystem>
#include <string_view>
#include <system_error>
#include <utility>

#include "convd/office/descriptors.h"
#include "convd/process/child_setup.h"

namespace convd::office {
namespace {

enum Descriptor : std::size_t { out, err, input, first_group };

constexpr int failed_exit = 1;
constexpr int niceness = 10;              // below the daemon, like every engine
constexpr const char* oom_score = "800";  // and the first to go when memory is short
constexpr unsigned pre_touch_limit_s = 60;

void write_all(int fd, std::string_view text) {
  while (!text.empty()) {
    const ssize_t length = write(fd, text.data(), text.size());
    if (length >= 0) {
      text.remove_prefix(static_cast<std::size_t>(length));
    } else if (errno == EAGAIN) {
      pollfd watched{fd, POLLOUT, 0};
      poll(&watched, 1, -1);
    } else if (errno != EINTR) {
      return;
    }
  }
}

void note(const process::OfficeNote& said) {
  write_all(STDOUT_FILENO, process::encode_note(said) + "\n");
}

// `why` is for the log, not for the user.
[[noreturn]] void give_up(const std::string& why) {
  write_all(STDERR_FILENO, "convd-office: " + why + "\n");
  note(process::OfficeFailed{shared::ErrorCode::engine_failed, "LibreOffice could not be prepared for this document"});
  _exit(failed_exit);
}

void require(bool done, const char* what) {
  if (!done) give_up(std::string(what) + ": " + std::strerror(errno));
}

void take_streams(const Assignment& assignment) {
  // The output first: through it everything else that goes wrong is told.
  if (dup2(assignment.descriptors[out].get(), STDOUT_FILENO) < 0) _exit(failed_exit);
  require(dup2(assignment.descriptors[err].get(), STDERR_FILENO) >= 0, "standard error");
  const loop::UniqueFd null(open("/dev/null", O_RDONLY | O_CLOEXEC));
  require(null && dup2(null.get(), STDIN_FILENO) >= 0, "standard input");
}

void join_groups(const Assignment& assignment) {
  for (std::size_t i = first_group; i < assignment.descriptors.size(); ++i)
    require(write(assignment.descriptors[i].get(), "0", 1) == 1, "control group");
}

// What LibreOffice has open is open in its parent and in all its other children as well.
void leave_the_others(const ChildWorld& world, std::vector<int> kept) {
  kept.insert(kept.end(), world.inherited.begin(), world.inherited.end());
  close_all_but(std::move(kept));
  separate(world.inherited);
}

std::int64_t cpu_ms_used() {
  rusage used{};
  getrusage(RUSAGE_SELF, &used);
  const auto ms = [](const timeval& time) { return std::int64_t{time.tv_sec} * 1000 + time.tv_usec / 1000; };
  return ms(used.ru_utime) + ms(used.ru_stime);
}

// A spare has worked before; that is not the document's.
process::Limits from_now_on(process::Limits limits) {
  if (limits.cpu_ms > 0) limits.cpu_ms += cpu_ms_used();
  return limits;
}

void set_up(Assignment& assignment) {
  const process::Convert& convert = assignment.convert;
  take_streams(assignment);
  join_groups(assignment);  // before the copy, whose pages count already
  process::write_to("/proc/self/oom_score_adj", oom_score);
  setpriority(PRIO_PROCESS, 0, niceness);
  umask(022);
  const std::string copy = convert.workspace + "/in/" + convert.job.input;
  require(process::copy_to_new_file(assignment.descriptors[input].get(), copy), "copying the input");
  assignment.descriptors.clear();
  require(setenv("TMPDIR", (convert.workspace + "/tmp").c_str(), 1) == 0, "TMPDIR");
  require(process::set_limits(from_now_on(convert.limits)), "limits");
}

void confine(const ChildWorld& world, const process::Convert& convert) {
  if (world.confinement == nullptr) return;
  const auto processes = convert.job.processes > 1 ? process::Processes::several : process::Processes::one;
  const auto closed = world.confinement->apply(convert.workspace, processes);
  if (!closed) give_up(closed.error().message);
}

bool is_plain_name(const std::string& name) {
  return !name.empty() && name != "." && name != ".." && name.find_first_of(std::string("/\0", 2)) == std::string::npos;
}

void pre_touch(const ChildWorld& world, const std::string& directory) {
  std::error_code ignored;
  std::filesystem::create_directories(directory, ignored);
  alarm(pre_touch_limit_s);  // its default ends the process
  world.work.pre_touch(directory);
  alarm(0);
  std::filesystem::remove_all(directory, ignored);
}

process::Packet next_packet(int socket) {
  process::Packet packet;
  std::vector<char> buffer;
  for (;;) {
    pollfd watched{socket, POLLIN, 0};
    poll(&watched, 1, -1);
    const process::Received received = process::receive_packet(socket, buffer, packet);
    if (received == process::Received::yes) return packet;
    if (received == process::Received::closed) _exit(0);  // no longer wanted
  }
}

[[noreturn]] void convert_one(const ChildWorld& world, Assignment& assignment) {
  const process::Convert& convert = assignment.convert;
  try {
    set_up(assignment);
    world.work.prepare(convert.job, convert.workspace);
    confine(world, convert);
    const auto failed = world.work.convert(convert.job, convert.workspace, note);
    if (!failed) _exit(0);
    note(*failed);
  } catch (const std::exception& error) {
    give_up(error.what());
  } catch (...) {
    give_up("an exception");
  }
  _exit(failed_exit);
}

}  // namespace

shared::Result<void> check(const process::Convert& convert, std::size_t descriptors) {
  const auto wrong = [](const char* what) { return shared::Error{shared::ErrorCode::invalid_request, what, {}}; };
  if (descriptors < first_group) return wrong("descriptors are missing");
  if (!convert.workspace.starts_with('/')) return wrong("the workspace is not an absolute path");
  if (!is_plain_name(convert.job.input) || !is_plain_name(convert.job.output)) return wrong("a file name is none");
  return {};
}

void convert_forked(const ChildWorld& world, Assignment assignment) {
  std::vector<int> kept;
  for (const loop::UniqueFd& fd : assignment.descriptors) kept.push_back(fd.get());
  leave_the_others(world, std::move(kept));
  convert_one(world, assignment);
}

void be_spare(const ChildWorld& world, loop::UniqueFd socket, const std::string& directory) {
  leave_the_others(world, {socket.get()});
  setpriority(PRIO_PROCESS, 0, niceness);
  pre_touch(world, directory);
  rusage used{};
  getrusage(RUSAGE_SELF, &used);
  if (send(socket.get(), &used, sizeof used, MSG_NOSIGNAL) != sizeof used) _exit(0);
  process::Packet packet = next_packet(socket.get());
  socket.reset();
  auto message = process::decode_office(packet.text);
  auto* convert = message ? std::get_if<process::Convert>(&*message) : nullptr;
  if (convert == nullptr || !check(*convert, packet.descriptors.size())) _exit(failed_exit);
  Assignment assignment{std::move(*convert), std::move(packet.descriptors)};
  convert_one(world, assignment);
}

}  // namespace convd::office
