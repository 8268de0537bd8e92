// What a child that has been taken over by its document would try, and what it must still be able to do.

#include "convd/office/confine.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <netinet/in.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <functional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "convd/loop/unique_fd.h"
#include "convd/office/landlock.h"
#include "convd/process/pidfd.h"
#include "tests/support/catch.h"
#include "tests/support/temp_directory.h"

using namespace convd;
using office::Confinement;
using process::Processes;

namespace {

bool is_root() {
  return geteuid() == 0;
}
// Root in a container may be less than that.
bool is_administrator() {
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  std::array<__user_cap_data_struct, _LINUX_CAPABILITY_U32S_3> held{};
  return syscall(SYS_capget, &header, held.data()) == 0 && (held[0].effective & (1U << CAP_SYS_ADMIN)) != 0;
}

// Two neighbours, something outside of both, and what the child was born with.
struct House {
  House() {
    for (const char* part : {"mine/in", "mine/out", "mine/tmp", "other/in", "other/out"})
      std::filesystem::create_directories(temp / part);
    for (const char* file : {"mine/in/source", "other/in/source", "other/out/result", "outside"})
      std::ofstream(temp / file) << "content";
    std::filesystem::create_symlink(temp / "outside", temp / "mine/out/planted");
    tcp_listener = loop::UniqueFd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    socklen_t length = sizeof address;
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    REQUIRE(bind(tcp_listener.get(), reinterpret_cast<const sockaddr*>(&address), length) == 0);
    REQUIRE(listen(tcp_listener.get(), 8) == 0);
    REQUIRE(getsockname(tcp_listener.get(), reinterpret_cast<sockaddr*>(&address), &length) == 0);
    tcp = loop::UniqueFd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    udp = loop::UniqueFd(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    namespaces = loop::UniqueFd(open("/proc/self/ns/uts", O_RDONLY | O_CLOEXEC));
    program = loop::UniqueFd(open("/usr/bin/true", O_PATH | O_CLOEXEC));
    parent = getpid();
  }
  std::string mine(const std::string& name) const { return temp / ("mine/" + name); }
  std::string other(const std::string& name) const { return temp / ("other/" + name); }

  tests::TempDirectory temp;
  sockaddr_in address{};
  loop::UniqueFd tcp_listener;
  loop::UniqueFd tcp;
  loop::UniqueFd udp;
  loop::UniqueFd namespaces;
  loop::UniqueFd program;
  pid_t parent = -1;
};

bool can_open(const std::string& path, int flags) {
  return static_cast<bool>(loop::UniqueFd(open(path.c_str(), flags | O_CLOEXEC, 0600)));
}
bool can_read(const std::string& path) {
  return can_open(path, O_RDONLY);
}
bool can_create(const std::string& path) {
  return can_open(path, O_WRONLY | O_CREAT);
}
bool can_have_socket(int family, int type) {
  return static_cast<bool>(loop::UniqueFd(::socket(family, type | SOCK_CLOEXEC, 0)));
}
template <typename... Values>
bool can_call(long number, Values... values) {
  return syscall(number, values...) >= 0;
}
// A child that ends at once.
bool started(long pid) {
  if (pid == 0) _exit(0);
  if (pid > 0) waitpid(static_cast<pid_t>(pid), nullptr, 0);
  return pid > 0;
}

// Who can do it on every machine where there are no walls: then it is the walls that the test is about.
enum class Else : unsigned char { anybody, root, nobody };

struct Attempt {
  const char* name;
  Else otherwise;
  std::function<bool(const House&)> succeeds;
};

const std::vector<Attempt>& attempts_at_the_network() {
  static const std::vector<Attempt> table{
      {"a TCP socket", Else::anybody, [](const House&) { return can_have_socket(AF_INET, SOCK_STREAM); }},
      {"a UDP socket", Else::anybody, [](const House&) { return can_have_socket(AF_INET, SOCK_DGRAM); }},
      {"a Unix socket", Else::anybody, [](const House&) { return can_have_socket(AF_UNIX, SOCK_STREAM); }},
      {"a netlink socket", Else::anybody, [](const House&) { return can_have_socket(AF_NETLINK, SOCK_RAW); }},
      {"a packet socket", Else::root, [](const House&) { return can_have_socket(AF_PACKET, SOCK_RAW); }},
      {"a pair of sockets", Else::anybody,
       [](const House&) {
         std::array<int, 2> ends{};
         return socketpair(AF_UNIX, SOCK_STREAM, 0, ends.data()) == 0;
       }},
      {"connecting", Else::anybody,
       [](const House& house) {
         return connect(house.tcp.get(), reinterpret_cast<const sockaddr*>(&house.address), sizeof house.address) == 0;
       }},
      {"binding", Else::anybody,
       [](const House& house) {
         sockaddr_in any{};
         any.sin_family = AF_INET;
         return bind(house.udp.get(), reinterpret_cast<const sockaddr*>(&any), sizeof any) == 0;
       }},
      {"sending a datagram", Else::anybody,
       [](const House& house) {
         return sendto(house.udp.get(), "x", 1, 0, reinterpret_cast<const sockaddr*>(&house.address),
                       sizeof house.address) == 1;
       }},
  };
  return table;
}

const std::vector<Attempt>& attempts_at_files() {
  static const std::vector<Attempt> table{
      {"reading /etc/passwd", Else::anybody, [](const House&) { return can_read("/etc/passwd"); }},
      {"reading /etc/shadow", Else::root, [](const House&) { return can_read("/etc/shadow"); }},
      {"listing /", Else::anybody, [](const House&) { return can_read("/"); }},
      {"reading /proc", Else::anybody, [](const House&) { return can_read("/proc/self/environ"); }},
      {"reading a neighbour's input", Else::anybody,
       [](const House& house) { return can_read(house.other("in/source")); }},
      {"reading a neighbour's result", Else::anybody,
       [](const House& house) { return can_read(house.other("out/result")); }},
      {"looking for neighbours", Else::anybody, [](const House& house) { return can_read(house.temp.path()); }},
      {"going up", Else::anybody, [](const House& house) { return can_read(house.mine("out/../../outside")); }},
      {"following a link that was planted", Else::anybody,
       [](const House& house) { return can_read(house.mine("out/planted")); }},
      {"writing through a link that was planted", Else::anybody,
       [](const House& house) { return can_open(house.mine("out/planted"), O_WRONLY); }},
      {"planting a link", Else::anybody,
       [](const House& house) { return symlink("/etc/passwd", house.mine("out/link").c_str()) == 0; }},
      {"a second name for a file outside", Else::anybody,
       [](const House& house) { return link((house.temp / "outside").c_str(), house.mine("out/name").c_str()) == 0; }},
      {"moving a neighbour's file", Else::anybody,
       [](const House& house) {
         return rename(house.other("out/result").c_str(), house.mine("out/taken").c_str()) == 0 &&
                rename(house.mine("out/taken").c_str(), house.other("out/result").c_str()) == 0;
       }},
      {"removing a neighbour's file", Else::anybody,
       [](const House& house) {
         std::ofstream(house.other("out/second")) << "x";
         return unlink(house.other("out/second").c_str()) == 0;
       }},
      {"a file among a neighbour's results", Else::anybody,
       [](const House& house) { return can_create(house.other("out/new")); }},
      {"a file in /tmp", Else::anybody,
       [](const House&) {
         const std::string path = "/tmp/convd-test-" + std::to_string(getpid());
         const bool made = can_create(path);
         unlink(path.c_str());
         return made;
       }},
      {"a file beside the input", Else::anybody, [](const House& house) { return can_create(house.mine("in/new")); }},
      {"a file beside in and out", Else::anybody, [](const House& house) { return can_create(house.mine("new")); }},
      {"writing to the input", Else::anybody,
       [](const House& house) { return can_open(house.mine("in/source"), O_WRONLY); }},
      {"emptying a file by its name", Else::anybody,
       [](const House& house) { return truncate(house.other("in/source").c_str(), 3) == 0; }},
      {"another mode for a neighbour's file", Else::anybody,
       [](const House& house) { return chmod(house.other("in/source").c_str(), 0600) == 0; }},
      {"another owner for a neighbour's file", Else::anybody,
       [](const House& house) { return chown(house.other("in/source").c_str(), geteuid(), getegid()) == 0; }},
      {"another time for a neighbour's file", Else::anybody,
       [](const House& house) { return utimensat(AT_FDCWD, house.other("in/source").c_str(), nullptr, 0) == 0; }},
      {"a named pipe", Else::anybody,
       [](const House& house) { return mkfifo(house.mine("out/pipe").c_str(), 0600) == 0; }},
      {"a device", Else::nobody,
       [](const House& house) { return mknod(house.mine("out/device").c_str(), S_IFCHR | 0600, 0x103) == 0; }},
      {"a file that nobody may read", Else::root,
       [](const House& house) {
         const loop::UniqueFd fd(open(house.mine("out/closed").c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0));
         return can_read(house.mine("out/closed"));
       }},
  };
  return table;
}

const std::vector<Attempt>& attempts_at_processes() {
  static const std::vector<Attempt> table{
      {"a signal to the parent", Else::anybody, [](const House& house) { return kill(house.parent, 0) == 0; }},
      {"a signal to process 1", Else::root, [](const House&) { return kill(1, 0) == 0; }},
      {"a signal to all", Else::anybody, [](const House&) { return kill(-1, 0) == 0; }},
      {"a signal to a thread of the parent", Else::anybody,
       [](const House& house) { return can_call(SYS_tgkill, house.parent, house.parent, 0); }},
      {"a signal by a descriptor", Else::anybody,
       [](const House& house) {
         const auto pidfd = process::open_pidfd(house.parent);
         return can_call(SYS_pidfd_send_signal, pidfd.get(), 0, nullptr, 0);
       }},
      {"signals to the parent when something can be read", Else::anybody,
       [](const House& house) { return fcntl(house.udp.get(), F_SETOWN, house.parent) == 0; }},
      {"tracing the parent", Else::nobody,
       [](const House& house) { return ptrace(PTRACE_SEIZE, house.parent, nullptr, nullptr) == 0; }},
      {"reading the parent's memory", Else::nobody,
       [](const House& house) {
         char letter = 0;
         iovec here{&letter, 1};
         iovec there{const_cast<char*>(__FILE__), 1};
         return process_vm_readv(house.parent, &here, 1, &there, 1, 0) == 1;
       }},
      {"opening the parent's memory", Else::nobody,
       [](const House& house) { return can_read("/proc/" + std::to_string(house.parent) + "/mem"); }},
      {"the parent's limits", Else::anybody,
       [](const House& house) {
         rlimit limit{};
         return prlimit(house.parent, RLIMIT_NOFILE, nullptr, &limit) == 0;
       }},
      {"the parent's processors", Else::anybody,
       [](const House& house) {
         cpu_set_t all;
         memset(&all, 0xff, sizeof all);
         return sched_setaffinity(house.parent, sizeof all, &all) == 0;
       }},
      {"a session of its own", Else::anybody, [](const House&) { return setsid() > 0; }},
      {"a process", Else::anybody, [](const House&) { return started(fork()); }},
      {"a process that shares memory", Else::anybody, [](const House&) { return started(syscall(SYS_vfork)); }},
      {"a child of the parent's", Else::anybody,
       [](const House&) {
         const long pid = syscall(SYS_clone, CLONE_PARENT | SIGCHLD, nullptr, nullptr, nullptr, nullptr);
         if (pid == 0) _exit(0);
         return pid > 0;
       }},
  };
  return table;
}

const std::vector<Attempt>& attempts_at_the_kernel() {
  static const std::vector<Attempt> table{
      {"a user namespace", Else::nobody, [](const House&) { return unshare(CLONE_NEWUSER) == 0; }},
      {"a mount namespace", Else::root, [](const House&) { return unshare(CLONE_NEWNS) == 0; }},
      {"another's namespace", Else::root,
       [](const House& house) { return setns(house.namespaces.get(), CLONE_NEWUTS) == 0; }},
      {"a mount", Else::root,
       [](const House& house) {
         return mount("tmpfs", house.mine("tmp").c_str(), "tmpfs", 0, nullptr) == 0 &&
                umount(house.mine("tmp").c_str()) == 0;
       }},
      {"another root", Else::root,
       [](const House& house) { return can_call(SYS_chroot, "/") && !house.temp.path().empty(); }},
      {"memory that can be run as a program", Else::anybody,
       [](const House&) { return can_call(SYS_memfd_create, "x", 0); }},
      {"io_uring", Else::nobody,
       [](const House&) {
         std::array<char, 256> parameters{};
         return can_call(SYS_io_uring_setup, 1, parameters.data());
       }},
      {"bpf", Else::nobody,
       [](const House&) {
         std::array<char, 128> attributes{};
         return can_call(SYS_bpf, 0, attributes.data(), attributes.size());
       }},
      {"userfaultfd", Else::nobody, [](const House&) { return can_call(SYS_userfaultfd, 1); }},
      {"keys", Else::nobody, [](const House&) { return can_call(SYS_keyctl, 0, -3, 0); }},
      {"another personality", Else::nobody, [](const House&) { return personality(ADDR_NO_RANDOMIZE) >= 0; }},
      {"privileges by a program", Else::anybody,
       [](const House&) { return prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 0; }},
      {"capabilities", Else::root,
       [](const House&) {
         __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
         std::array<__user_cap_data_struct, _LINUX_CAPABILITY_U32S_3> held{};
         return syscall(SYS_capget, &header, held.data()) == 0 && (held[0].permitted | held[1].permitted) != 0;
       }},
  };
  return table;
}

// In a child, behind the walls when there are any: what it writes to the descriptor that it is given.
std::string in_a_child(const House& house, const Confinement* walls, Processes processes,
                       const std::function<void(int)>& body, int* status = nullptr) {
  std::array<int, 2> ends{-1, -1};
  REQUIRE(pipe2(ends.data(), O_CLOEXEC) == 0);
  const pid_t pid = fork();
  if (pid == 0) {
    signal(SIGABRT, SIG_DFL);
    if (walls != nullptr) {
      if (const auto done = walls->apply(house.temp / "mine", processes); !done) {
        dprintf(ends[1], "%s", done.error().message.c_str());
        _exit(1);
      }
    }
    body(ends[1]);
    _exit(0);
  }
  close(ends[1]);
  const loop::UniqueFd reader(ends[0]);
  std::string text;
  std::array<char, 4096> piece{};
  for (ssize_t length = 0; (length = read(reader.get(), piece.data(), piece.size())) > 0;)
    text.append(piece.data(), static_cast<std::size_t>(length));
  int ended = 0;
  waitpid(pid, &ended, 0);
  if (status != nullptr) *status = ended;
  return text;
}

std::string successes(const House& house, const Confinement* walls, Processes processes,
                      const std::vector<Attempt>& attempts) {
  return in_a_child(house, walls, processes, [&](int out) {
    for (const Attempt& attempt : attempts)
      if (attempt.succeeds(house)) dprintf(out, "%s\n", attempt.name);
  });
}

std::vector<Attempt> all_attempts() {
  std::vector<Attempt> all;
  for (const auto* part :
       {&attempts_at_the_network(), &attempts_at_files(), &attempts_at_processes(), &attempts_at_the_kernel()})
    all.insert(all.end(), part->begin(), part->end());
  return all;
}

// One after the other in a child of its own, because some undo the others: what works where there are no walls.
std::string failures_without_walls(const House& house) {
  std::string failures;
  for (const Attempt& attempt : all_attempts()) {
    const bool counts =
        attempt.otherwise == Else::anybody || (attempt.otherwise == Else::root && is_root() && is_administrator());
    if (counts && successes(house, nullptr, Processes::one, {attempt}).empty())
      failures += std::string(attempt.name) + "\n";
  }
  return failures;
}

const Confinement* walls() {
  static const auto made = Confinement::prepare();
  if (!made) WARN("skipped: " << made.error().message);
  return made ? &*made : nullptr;
}

}  // namespace

TEST_CASE("a child that has been taken over gets nowhere") {
  if (walls() == nullptr) return;
  const House house;
  CHECK(successes(house, walls(), Processes::one, all_attempts()).empty());
}

TEST_CASE("a child that may split gets processes and nothing more") {
  if (walls() == nullptr) return;
  const House house;
  CHECK(successes(house, walls(), Processes::several, all_attempts()) == "a process\n");
}

TEST_CASE("it is the walls that stop these attempts") {
  const House house;
  CHECK(failures_without_walls(house).empty());
}

TEST_CASE("no program can be run") {
  if (walls() == nullptr) return;
  const House house;
  const auto run = [&](int out) {
    std::array<char*, 2> words{const_cast<char*>("true"), nullptr};
    execve("/usr/bin/true", words.data(), words.data() + 1);
    syscall(SYS_execveat, house.program.get(), "", words.data(), words.data() + 1, AT_EMPTY_PATH);
    dprintf(out, "still here");
  };
  CHECK(in_a_child(house, walls(), Processes::one, run) == "still here");
  CHECK(in_a_child(house, walls(), Processes::several, run) == "still here");
  CHECK(in_a_child(house, nullptr, Processes::one, run).empty());
}

TEST_CASE("processes that make processes come to an end") {
  if (walls() == nullptr) return;
  const House house;
  const auto many = [](int out) {
    constexpr int enough = 20'000;
    const pid_t first = getpid();
    int made = 0;
    while (made < enough) {
      const pid_t pid = fork();
      if (pid < 0) break;
      if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        while (getppid() == first) pause();  // or it has ended before that could be asked for
        _exit(0);
      }
      ++made;
    }
    dprintf(out, made < enough ? "bounded" : "endless");
  };
  CHECK(in_a_child(house, walls(), Processes::one, many) == "bounded");
  // The kernel bounds every user but root.
  rlimit before{};
  getrlimit(RLIMIT_NPROC, &before);
  const auto as_nobody = [&](int out) {
    rlimit limit{};
    getrlimit(RLIMIT_NPROC, &limit);
    dprintf(out, limit.rlim_max < before.rlim_max ? "limited" : "as before");
    if (!is_root()) {
      dprintf(out, ", ");
      many(out);
    }
  };
  CHECK(in_a_child(house, walls(), Processes::several, as_nobody) == (is_root() ? "limited" : "limited, bounded"));
}

TEST_CASE("calls of another kind of program end the process") {
#if defined(__x86_64__)
  if (walls() == nullptr) return;
  const House house;
  int status = 0;
  in_a_child(
      house, walls(), Processes::one,
      [](int) {
        signal(SIGSEGV, SIG_DFL);
        long number = 20;  // getpid of 32-bit programs
        asm volatile("int $0x80" : "+a"(number) : : "memory");
      },
      &status);
  // A kernel that runs no 32-bit programs knows no such call at all.
  CHECK((WIFSIGNALED(status) && (WTERMSIG(status) == SIGSYS || WTERMSIG(status) == SIGSEGV)));
  in_a_child(
      house, walls(), Processes::one, [](int) { syscall(0x4000'0000L | SYS_getpid); }, &status);
  CHECK((WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS));
#endif
}

TEST_CASE("a child can do what a conversion needs") {
  if (walls() == nullptr) return;
  const House house;
  const auto work = [&](int out) {
    const auto check = [out](bool done, const char* what) {
      if (!done) dprintf(out, "%s: %s\n", what, std::strerror(errno));
    };
    check(can_read("/usr/share") && can_read("/etc/fonts") && can_read("/dev/urandom"), "the system's files");
    check(can_read(house.mine("in/source")), "the input");
    check(std::filesystem::create_directory(house.mine("tmp/deep")), "a directory");
    check(can_create(house.mine("tmp/deep/file")), "a temporary file");
    check(rename(house.mine("tmp/deep/file").c_str(), house.mine("out/result").c_str()) == 0 ||
              office::landlock_version() < 2,
          "moving it to the results");
    check(can_open(house.mine("out/result"), O_RDWR | O_TRUNC | O_CREAT), "emptying a result");
    check(std::filesystem::remove_all(house.mine("tmp/deep")) > 0, "tidying up");
    bool ran = false;
    std::thread([&ran] { ran = true; }).join();
    check(ran, "a thread");
    check(kill(getpid(), 0) == 0, "a signal to itself");
    check(isatty(out) == 0 && errno == ENOTTY, "asking for a terminal");
    check(dlopen("libz.so.1", RTLD_NOW) != nullptr || dlopen("libseccomp.so.2", RTLD_NOW) != nullptr, "a library");
  };
  CHECK(in_a_child(house, walls(), Processes::one, work).empty());
  CHECK(in_a_child(house, walls(), Processes::several, work).empty());
  int status = 0;
  in_a_child(
      house, walls(), Processes::one, [](int) { abort(); }, &status);
  CHECK((WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT));
}

TEST_CASE("walls go up around what is there, or not at all") {
  if (walls() == nullptr) return;
  CHECK(walls()->describe().find("Landlock ") == 0);
  House house;
  std::filesystem::remove_all(house.mine("tmp"));
  int status = 0;
  const std::string why = in_a_child(
      house, walls(), Processes::one, [](int) {}, &status);
  CHECK(why == "Landlock, workspace: No such file or directory");
  CHECK(WEXITSTATUS(status) == 1);
}

TEST_CASE("a confined child still ends with its parent") {
  if (walls() == nullptr) return;
  const House house;
  std::array<int, 2> ends{-1, -1};
  REQUIRE(pipe2(ends.data(), O_CLOEXEC) == 0);
  const pid_t pid = fork();
  if (pid == 0) {
    const pid_t child = fork();
    if (child == 0) {
      prctl(PR_SET_PDEATHSIG, SIGKILL);
      const bool done = walls()->apply(house.temp / "mine", Processes::one).ok();
      dprintf(ends[1], done ? "1" : "0");
      for (;;) pause();
    }
    waitpid(child, nullptr, 0);
    _exit(0);
  }
  close(ends[1]);
  const loop::UniqueFd reader(ends[0]);
  char letter = 0;
  REQUIRE(read(reader.get(), &letter, 1) == 1);
  CHECK(letter == '1');
  kill(pid, SIGKILL);
  waitpid(pid, nullptr, 0);
  pollfd watched{reader.get(), POLLIN, 0};
  REQUIRE(poll(&watched, 1, 60'000) == 1);
  CHECK(read(reader.get(), &letter, 1) == 0);  // nobody holds the other end any more
}
