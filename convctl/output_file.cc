#include "convctl/output_file.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/signalfd.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "convctl/failure.h"
#include "convctl/naming.h"

namespace convctl {
namespace {

std::string reason() {
  return std::strerror(errno);
}

[[noreturn]] void interrupted(int signal_fd) {
  signalfd_siginfo info{};
  const bool known = read(signal_fd, &info, sizeof info) == sizeof info;
  throw Failure{exit_for_signal(known ? static_cast<int>(info.ssi_signo) : SIGINT), "interrupted", ""};
}

// Waits until `fd` is ready for `events`, unless a signal comes first.
void wait_for(int fd, short events, int signal_fd) {
  std::array<pollfd, 2> fds{{{fd, events, 0}, {signal_fd, POLLIN, 0}}};
  while (poll(fds.data(), fds.size(), -1) < 0 && errno == EINTR) {
  }
  if ((fds[1].revents & POLLIN) != 0) interrupted(signal_fd);
}

}  // namespace

OutputFile::OutputFile(const std::string& path) {
  const std::string directory = path.substr(0, path.size() - base_name(path).size());
  temporary_ = directory + ".convctl-XXXXXX";
  file_ = FileDescriptor(mkostemp(temporary_.data(), O_CLOEXEC));
  if (file_.valid()) return;
  const std::string why = reason();
  temporary_.clear();
  throw Failure{Exit::cannot_create, "cannot write in " + (directory.empty() ? "." : directory) + ": " + why, ""};
}

OutputFile::~OutputFile() {
  if (!temporary_.empty()) unlink(temporary_.c_str());
}

void OutputFile::write(std::string_view bytes) {
  write_stream(file_.get(), bytes, -1);
}

void OutputFile::commit(const std::string& path, Replace replace) {
  const mode_t mask = umask(0);
  umask(mask);
  if (fchmod(file_.get(), 0666 & ~mask) != 0) throw Failure{Exit::io_error, path + ": " + reason(), ""};
  if (replace == Replace::yes) {
    if (rename(temporary_.c_str(), path.c_str()) != 0) throw Failure{Exit::cannot_create, path + ": " + reason(), ""};
    temporary_.clear();
    return;
  }
  if (renameat2(AT_FDCWD, temporary_.c_str(), AT_FDCWD, path.c_str(), RENAME_NOREPLACE) == 0) {
    temporary_.clear();
    return;
  }
  // File systems without that flag can still refuse by link(2); the temporary name goes in the destructor.
  if (errno == EINVAL && link(temporary_.c_str(), path.c_str()) == 0) return;
  const bool there = errno == EEXIST;
  throw Failure{Exit::cannot_create, path + (there ? " exists" : ": " + reason()),
                there ? "choose --if-exists overwrite|rename|skip" : ""};
}

void write_stream(int fd, std::string_view bytes, int signal_fd) {
  while (!bytes.empty()) {
    if (signal_fd >= 0) wait_for(fd, POLLOUT, signal_fd);
    // One pipe buffer at most: more could block with a signal waiting.
    const ssize_t written =
        ::write(fd, bytes.data(), signal_fd >= 0 ? std::min<std::size_t>(bytes.size(), 4096) : bytes.size());
    if (written < 0 && (errno == EINTR || errno == EAGAIN)) continue;
    if (written < 0) throw Failure{Exit::io_error, "cannot write the output: " + reason(), ""};
    bytes.remove_prefix(static_cast<std::size_t>(written));
  }
}

FileDescriptor spool_stdin(int signal_fd) {
  const char* directory = std::getenv("TMPDIR");
  std::string name = std::string(directory == nullptr || *directory == '\0' ? "/tmp" : directory) + "/convctl-XXXXXX";
  FileDescriptor file(mkostemp(name.data(), O_CLOEXEC));
  if (!file.valid())
    throw Failure{Exit::io_error, "cannot make a temporary file " + name + ": " + reason(), "set TMPDIR"};
  unlink(name.c_str());
  std::array<char, 64 * 1024> buffer;
  std::size_t total = 0;
  for (;;) {
    wait_for(STDIN_FILENO, POLLIN, signal_fd);
    const ssize_t got = read(STDIN_FILENO, buffer.data(), buffer.size());
    if (got < 0 && (errno == EINTR || errno == EAGAIN)) continue;
    if (got < 0) throw Failure{Exit::io_error, "cannot read standard input: " + reason(), ""};
    if (got == 0) break;
    write_stream(file.get(), std::string_view(buffer.data(), static_cast<std::size_t>(got)), -1);
    total += static_cast<std::size_t>(got);
  }
  if (total == 0) throw Failure{Exit::no_input, "standard input is empty", ""};
  return file;
}

}  // namespace convctl
