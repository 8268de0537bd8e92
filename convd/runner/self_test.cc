#include "convd/runner/self_test.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <utility>
#include <vector>

#include "convd/process/sandbox.h"

namespace convd::runner {
namespace {

constexpr process::ChildId self_test_id = 0;
constexpr int most_tries = 3;

// Each line that is printed is a wall that does not stand. Only shell built-ins and what every Debian has.
constexpr const char* script = R"sh(
tail -n +3 /proc/net/dev | grep -qv '^ *lo:' && echo "there is a network interface"
[ ! -e /etc/shadow ] || echo "/etc/shadow can be seen"
[ ! -e /home ] && [ ! -e /root ] || echo "home directories can be seen"
(: > /usr/convd-probe) 2>/dev/null && echo "/usr can be written"
(: > /convd-probe) 2>/dev/null && echo "/ can be written"
(: > /out/probe) 2>/dev/null || echo "/out cannot be written"
(: > /tmp/probe) 2>/dev/null || echo "/tmp cannot be written"
count=0; for p in /proc/[0-9]*; do count=$((count + 1)); done
[ "$count" -le 4 ] || echo "processes of the host can be seen"
unshare --user true 2>/dev/null && echo "user namespaces can be made"
grep -q '^CapEff:.*0000000000000000$' /proc/self/status || echo "capabilities are left"
grep -q '^Seccomp:.*2$' /proc/self/status || echo "the seccomp filter is not in force"
grep -q '^NoNewPrivs:.*1$' /proc/self/status || echo "new privileges can be gained"
true
)sh";

process::ChildSpec spec_of_test() {
  process::ChildSpec spec;
  spec.job = "self-test";
  spec.argv = {"/usr/bin/sh", "-c", script};
  spec.limits.cpu_ms = 10'000;
  spec.limits.processes = 32;
  spec.nice = 0;
  return spec;
}

}  // namespace

SelfTest::SelfTest(loop::Loop& loop, const Confinement& confinement, Done done)
    : loop_(loop), confinement_(confinement), done_(std::move(done)) {
  begin();
}

void SelfTest::begin() {
  ++tries_;
  output_ = loop::UniqueFd(memfd_create("self-test", MFD_CLOEXEC));
  Child::Listener listener{[](std::int64_t) {}, [this](const process::Exit& exit) { exited(exit); }};
  child_ = std::make_unique<Child>(loop_, confinement_, nullptr, nullptr, self_test_id, 0, std::move(listener));
  std::vector<loop::UniqueFd> descriptors;
  for (int i = 0; i < 2; ++i) descriptors.emplace_back(fcntl(output_.get(), F_DUPFD_CLOEXEC, 0));
  child_->start(spec_of_test(), std::move(descriptors));
}

std::string SelfTest::words() {
  std::array<char, 4096> text{};
  const ssize_t length = pread(output_.get(), text.data(), text.size() - 1, 0);
  std::string all(text.data(), length > 0 ? static_cast<std::size_t>(length) : 0);
  while (!all.empty() && all.back() == '\n') all.pop_back();
  for (std::size_t at = all.find('\n'); at != std::string::npos; at = all.find('\n', at)) all.replace(at, 1, "; ");
  return all;
}

void SelfTest::exited(const process::Exit& exit) {
  const bool was_killed = exit.end == process::End::signalled;
  if (was_killed && tries_ < most_tries) {
    again_ = loop_.after(loop::milliseconds(0), [this] { begin(); });  // the child is still on the stack
    return;
  }
  std::string problem = words();
  if (access(process::bubblewrap, X_OK) != 0) {
    problem = "bubblewrap is not installed: apt-get install bubblewrap";
  } else if (was_killed) {
    problem = "the test of the sandbox was ended by signal " + std::to_string(exit.status) + ", " +
              std::to_string(tries_) + " times";
  } else if (exit.end != process::End::exited || exit.status != 0) {
    problem = "the sandbox cannot be set up (" + (problem.empty() ? exit.reason : problem) +
              "); user namespaces may be off (sysctl kernel.unprivileged_userns_clone, user.max_user_namespaces, "
              "kernel.apparmor_restrict_unprivileged_userns), or this is a plain chroot or container";
  }
  done_(std::move(problem));
}

}  // namespace convd::runner
