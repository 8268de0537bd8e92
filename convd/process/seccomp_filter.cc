#include "convd/process/seccomp_filter.h"

#include <sched.h>
#include <seccomp.h>
#include <sys/mman.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <memory>
#include <string>

namespace convd::process {
namespace {

struct Free {
  void operator()(void* filter) const { seccomp_release(filter); }
};
using Filter = std::unique_ptr<void, Free>;

// Mounting, namespaces, tracing, kernel and machine administration, and the large attack surfaces of recent kernels.
constexpr std::array denied{
    SCMP_SYS(mount),
    SCMP_SYS(umount2),
    SCMP_SYS(pivot_root),
    SCMP_SYS(chroot),
    SCMP_SYS(move_mount),
    SCMP_SYS(open_tree),
    SCMP_SYS(fsopen),
    SCMP_SYS(fsconfig),
    SCMP_SYS(fsmount),
    SCMP_SYS(fspick),
    SCMP_SYS(mount_setattr),
    SCMP_SYS(setns),
    SCMP_SYS(unshare),
    SCMP_SYS(ptrace),
    SCMP_SYS(process_vm_readv),
    SCMP_SYS(process_vm_writev),
    SCMP_SYS(kcmp),
    SCMP_SYS(bpf),
    SCMP_SYS(perf_event_open),
    SCMP_SYS(userfaultfd),
    SCMP_SYS(io_uring_setup),
    SCMP_SYS(io_uring_enter),
    SCMP_SYS(io_uring_register),
    SCMP_SYS(keyctl),
    SCMP_SYS(add_key),
    SCMP_SYS(request_key),
    SCMP_SYS(init_module),
    SCMP_SYS(finit_module),
    SCMP_SYS(delete_module),
    SCMP_SYS(kexec_load),
    SCMP_SYS(kexec_file_load),
    SCMP_SYS(reboot),
    SCMP_SYS(swapon),
    SCMP_SYS(swapoff),
    SCMP_SYS(acct),
    SCMP_SYS(quotactl),
    SCMP_SYS(settimeofday),
    SCMP_SYS(clock_settime),
    SCMP_SYS(clock_adjtime),
    SCMP_SYS(adjtimex),
    SCMP_SYS(sethostname),
    SCMP_SYS(setdomainname),
    SCMP_SYS(syslog),
    SCMP_SYS(vhangup),
    SCMP_SYS(name_to_handle_at),
    SCMP_SYS(open_by_handle_at),
    SCMP_SYS(fanotify_init),
    SCMP_SYS(lookup_dcookie),
    SCMP_SYS(iopl),
    SCMP_SYS(ioperm),
    SCMP_SYS(modify_ldt),
    SCMP_SYS(nfsservctl),
    SCMP_SYS(uselib),
    SCMP_SYS(ustat),
    SCMP_SYS(sysfs),
    SCMP_SYS(migrate_pages),
    SCMP_SYS(move_pages),
    SCMP_SYS(mbind),
    SCMP_SYS(set_mempolicy),
    SCMP_SYS(pidfd_getfd),
    SCMP_SYS(process_madvise),
    SCMP_SYS(io_setup),
    SCMP_SYS(io_submit),
    SCMP_SYS(vmsplice),
    SCMP_SYS(personality),
    SCMP_SYS(quotactl_fd),
    SCMP_SYS(fanotify_mark),
};

// What a program that works alone does not need.
constexpr std::array alone_denied{
    SCMP_SYS(socketpair),    SCMP_SYS(connect), SCMP_SYS(bind),    SCMP_SYS(listen),   SCMP_SYS(accept),
    SCMP_SYS(accept4),       SCMP_SYS(sendto),  SCMP_SYS(sendmsg), SCMP_SYS(recvmsg),  SCMP_SYS(sendmmsg),
    SCMP_SYS(recvmmsg),      SCMP_SYS(fork),    SCMP_SYS(vfork),   SCMP_SYS(execveat), SCMP_SYS(shmget),
    SCMP_SYS(shmat),         SCMP_SYS(semget),  SCMP_SYS(msgget),  SCMP_SYS(mq_open),  SCMP_SYS(pidfd_open),
    SCMP_SYS(inotify_init1),
};

constexpr std::array namespace_flags{CLONE_NEWUSER, CLONE_NEWNS,  CLONE_NEWPID,   CLONE_NEWNET,
                                     CLONE_NEWIPC,  CLONE_NEWUTS, CLONE_NEWCGROUP};

bool works_alone(Family family) {
  return family == Family::markup || family == Family::pdf || family == Family::image || family == Family::media;
}

// Threads, but no other process.
int add_alone_rules(scmp_filter_ctx filter) {
  int failed = 0;
  for (const int call : alone_denied) failed |= seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), call, 0);
  failed |=
      seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(clone), 1, SCMP_A0(SCMP_CMP_MASKED_EQ, CLONE_THREAD, 0));
  return failed | seccomp_rule_add(filter, SCMP_ACT_ERRNO(EAFNOSUPPORT), SCMP_SYS(socket), 0);
}

int add_rules(scmp_filter_ctx filter, Family family) {
  int failed = 0;
  for (const int call : denied) failed |= seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), call, 0);
  for (const int flag : namespace_flags) {
    const auto mask = static_cast<scmp_datum_t>(flag);
    failed |=
        seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(clone), 1, SCMP_A0(SCMP_CMP_MASKED_EQ, mask, mask));
  }
  // clone3 hides its flags behind a pointer; C libraries fall back to clone when it is not there.
  failed |= seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0);
  if (works_alone(family)) return failed | add_alone_rules(filter);
  return failed |
         seccomp_rule_add(filter, SCMP_ACT_ERRNO(EAFNOSUPPORT), SCMP_SYS(socket), 1, SCMP_A0(SCMP_CMP_NE, AF_UNIX));
}

}  // namespace

shared::Result<loop::UniqueFd> make_seccomp_filter(Family family) {
  const Filter filter(seccomp_init(SCMP_ACT_ALLOW));
  loop::UniqueFd program(memfd_create("seccomp", MFD_CLOEXEC));
  if (!filter || !program || add_rules(filter.get(), family) != 0 ||
      seccomp_export_bpf(filter.get(), program.get()) != 0) {
    return shared::Error{shared::ErrorCode::internal, "the seccomp filter cannot be made", {}};
  }
  return program;
}

}  // namespace convd::process
