#include "convd/process/office_filter.h"

#include <fcntl.h>
#include <sched.h>
#include <seccomp.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <memory>

#include "convd/loop/unique_fd.h"

namespace convd::process {
namespace {

struct Free {
  void operator()(void* filter) const { seccomp_release(filter); }
};
using Filter = std::unique_ptr<void, Free>;

// Stands for the number of the process until that is known: larger than any that Linux gives.
constexpr std::uint32_t any_process = 0x5eed'0001;

constexpr std::array memory_calls{
    SCMP_SYS(brk),    SCMP_SYS(mmap),    SCMP_SYS(munmap), SCMP_SYS(mprotect),
    SCMP_SYS(mremap), SCMP_SYS(madvise), SCMP_SYS(msync),  SCMP_SYS(membarrier),
};
constexpr std::array thread_calls{
    SCMP_SYS(futex),
    SCMP_SYS(set_robust_list),
    SCMP_SYS(get_robust_list),
    SCMP_SYS(rseq),
    SCMP_SYS(set_tid_address),
    SCMP_SYS(gettid),
    SCMP_SYS(getpid),
    SCMP_SYS(getppid),
    SCMP_SYS(getpgrp),
    SCMP_SYS(getpgid),
    SCMP_SYS(sched_yield),
    SCMP_SYS(sched_getaffinity),
    SCMP_SYS(sched_getparam),
    SCMP_SYS(sched_getscheduler),
    SCMP_SYS(sched_get_priority_max),
    SCMP_SYS(sched_get_priority_min),
    SCMP_SYS(getcpu),
    SCMP_SYS(exit),
    SCMP_SYS(exit_group),
    SCMP_SYS(wait4),
    SCMP_SYS(waitid),
};
constexpr std::array signal_calls{
    SCMP_SYS(rt_sigaction), SCMP_SYS(rt_sigprocmask),  SCMP_SYS(rt_sigreturn), SCMP_SYS(rt_sigpending),
    SCMP_SYS(sigaltstack),  SCMP_SYS(restart_syscall), SCMP_SYS(pause),        SCMP_SYS(rt_sigtimedwait),
};
constexpr std::array time_calls{
    SCMP_SYS(clock_gettime), SCMP_SYS(clock_getres), SCMP_SYS(clock_nanosleep), SCMP_SYS(nanosleep),
    SCMP_SYS(gettimeofday),  SCMP_SYS(time),         SCMP_SYS(times),           SCMP_SYS(alarm),
    SCMP_SYS(getitimer),     SCMP_SYS(setitimer),
};
constexpr std::array descriptor_calls{
    SCMP_SYS(read),        SCMP_SYS(write),    SCMP_SYS(readv),     SCMP_SYS(writev),    SCMP_SYS(pread64),
    SCMP_SYS(pwrite64),    SCMP_SYS(preadv),   SCMP_SYS(pwritev),   SCMP_SYS(lseek),     SCMP_SYS(close),
    SCMP_SYS(close_range), SCMP_SYS(dup),      SCMP_SYS(dup2),      SCMP_SYS(dup3),      SCMP_SYS(pipe),
    SCMP_SYS(pipe2),       SCMP_SYS(eventfd2), SCMP_SYS(poll),      SCMP_SYS(ppoll),     SCMP_SYS(select),
    SCMP_SYS(pselect6),    SCMP_SYS(flock),    SCMP_SYS(fstat),     SCMP_SYS(fstatfs),   SCMP_SYS(ftruncate),
    SCMP_SYS(fallocate),   SCMP_SYS(fsync),    SCMP_SYS(fdatasync), SCMP_SYS(fadvise64), SCMP_SYS(copy_file_range),
    SCMP_SYS(sendfile),    SCMP_SYS(fchmod),
};
// What they may name is Landlock's to say.
constexpr std::array path_calls{
    SCMP_SYS(open),       SCMP_SYS(openat),   SCMP_SYS(creat),      SCMP_SYS(stat),     SCMP_SYS(lstat),
    SCMP_SYS(newfstatat), SCMP_SYS(statx),    SCMP_SYS(statfs),     SCMP_SYS(access),   SCMP_SYS(faccessat),
    SCMP_SYS(faccessat2), SCMP_SYS(readlink), SCMP_SYS(readlinkat), SCMP_SYS(getdents), SCMP_SYS(getdents64),
    SCMP_SYS(getcwd),     SCMP_SYS(chdir),    SCMP_SYS(fchdir),     SCMP_SYS(mkdir),    SCMP_SYS(mkdirat),
    SCMP_SYS(rmdir),      SCMP_SYS(unlink),   SCMP_SYS(unlinkat),   SCMP_SYS(rename),   SCMP_SYS(renameat),
    SCMP_SYS(renameat2),  SCMP_SYS(umask),
};
constexpr std::array identity_calls{
    SCMP_SYS(getuid),    SCMP_SYS(geteuid),   SCMP_SYS(getgid),    SCMP_SYS(getegid),   SCMP_SYS(getgroups),
    SCMP_SYS(getresuid), SCMP_SYS(getresgid), SCMP_SYS(getrlimit), SCMP_SYS(getrusage), SCMP_SYS(getpriority),
    SCMP_SYS(capget),    SCMP_SYS(uname),     SCMP_SYS(sysinfo),   SCMP_SYS(getrandom),
};

// Not F_SETOWN and F_SETSIG, which send signals to others.
constexpr std::array descriptor_commands{
    F_DUPFD, F_DUPFD_CLOEXEC, F_GETFD, F_SETFD, F_GETFL, F_SETFL, F_GETLK, F_SETLK, F_SETLKW, F_GETPIPE_SZ,
};
constexpr std::array device_commands{TCGETS, TIOCGWINSZ, FIONREAD, FIONBIO, FIOCLEX, FIONCLEX};
constexpr std::array process_commands{PR_SET_NAME, PR_GET_NAME, PR_SET_PDEATHSIG, PR_GET_DUMPABLE, PR_GET_NO_NEW_PRIVS};

// CLONE_PARENT would make a child of our parent, that nobody knows of.
constexpr scmp_datum_t foreign_clones = CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWIPC |
                                        CLONE_NEWUTS | CLONE_NEWCGROUP | CLONE_PARENT | CLONE_PTRACE;

int allow(scmp_filter_ctx filter, const auto& calls) {
  int failed = 0;
  for (const int call : calls) failed |= seccomp_rule_add(filter, SCMP_ACT_ALLOW, call, 0);
  return failed;
}

// The call when its argument number `index` is one of these.
int allow_values(scmp_filter_ctx filter, int call, unsigned index, const auto& values) {
  int failed = 0;
  for (const auto value : values) {
    const scmp_arg_cmp same{index, SCMP_CMP_EQ, static_cast<scmp_datum_t>(value), 0};
    failed |= seccomp_rule_add_array(filter, SCMP_ACT_ALLOW, call, 1, &same);
  }
  return failed;
}

int allow_clones(scmp_filter_ctx filter, Processes processes) {
  const bool threads_only = processes == Processes::one;
  const scmp_datum_t mask = threads_only ? foreign_clones | CLONE_THREAD : foreign_clones;
  const scmp_datum_t wanted = threads_only ? CLONE_THREAD : 0;
  return seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(clone), 1, SCMP_A0(SCMP_CMP_MASKED_EQ, mask, wanted));
}

int add_rules(scmp_filter_ctx filter, Processes processes) {
  int failed = allow(filter, memory_calls) | allow(filter, thread_calls) | allow(filter, signal_calls) |
               allow(filter, time_calls) | allow(filter, descriptor_calls) | allow(filter, path_calls) |
               allow(filter, identity_calls);
  failed |= allow_clones(filter, processes);
  failed |= allow_values(filter, SCMP_SYS(fcntl), 1, descriptor_commands);
  failed |= allow_values(filter, SCMP_SYS(ioctl), 1, device_commands);
  failed |= allow_values(filter, SCMP_SYS(prctl), 0, process_commands);
  // abort() and pthread_kill().
  failed |= allow_values(filter, SCMP_SYS(kill), 0, std::array{any_process});
  failed |= allow_values(filter, SCMP_SYS(tgkill), 0, std::array{any_process});
  failed |= allow_values(filter, SCMP_SYS(prlimit64), 0, std::array{0});  // its own limits
  failed |= allow_values(filter, SCMP_SYS(utimensat), 1, std::array{0});  // futimens()
  failed |= seccomp_attr_set(filter, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS);
  failed |= seccomp_attr_set(filter, SCMP_FLTATR_CTL_OPTIMIZE, 2);  // a tree: a list this long is slow to walk
  return failed;
}

std::vector<sock_filter> exported(scmp_filter_ctx filter) {
  const loop::UniqueFd file(memfd_create("seccomp", MFD_CLOEXEC));
  if (!file || seccomp_export_bpf(filter, file.get()) != 0) return {};
  const off_t size = lseek(file.get(), 0, SEEK_END);
  if (size <= 0) return {};
  std::vector<sock_filter> program(static_cast<std::size_t>(size) / sizeof(sock_filter));
  if (pread(file.get(), program.data(), program.size() * sizeof(sock_filter), 0) != size) return {};
  return program;
}

}  // namespace

shared::Result<OfficeFilter> OfficeFilter::make(Processes processes) {
  const Filter filter(seccomp_init(SCMP_ACT_ERRNO(ENOSYS)));
  OfficeFilter made;
  if (filter && add_rules(filter.get(), processes) == 0) made.program_ = exported(filter.get());
  if (made.program_.empty())
    return shared::Error{shared::ErrorCode::internal, "the seccomp filter for LibreOffice cannot be made", {}};
  return made;
}

std::vector<sock_filter> OfficeFilter::program_for(pid_t own) const {
  std::vector<sock_filter> program = program_;
  for (sock_filter& line : program) {
    const bool compares = BPF_CLASS(line.code) == BPF_JMP && BPF_SRC(line.code) == BPF_K;
    if (compares && line.k == any_process) line.k = static_cast<std::uint32_t>(own);
  }
  return program;
}

}  // namespace convd::process
