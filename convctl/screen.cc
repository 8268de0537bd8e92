#include "convctl/screen.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <unistd.h>

namespace convctl {
namespace {

constexpr std::string_view enter = "\x1b[?1049h\x1b[?25l";  // the alternate screen, without a cursor
constexpr std::string_view leave = "\x1b[?25h\x1b[?1049l";

sigset_t resize_signal() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGWINCH);
  return set;
}

}  // namespace

Screen::Screen(Terminal& terminal, ClientLoop& loop, Hooks hooks) : terminal_(terminal), hooks_(std::move(hooks)) {
  // A description of its own: the shell's must not become non-blocking.
  keyboard_ = FileDescriptor(open("/dev/tty", O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY));
  if (keyboard_.valid() && tcgetattr(keyboard_.get(), &before_) == 0) {
    termios keys = before_;
    keys.c_lflag &= ~static_cast<tcflag_t>(ICANON | ECHO);
    keys.c_cc[VSUSP] = _POSIX_VDISABLE;  // stopped, it would leave the screen as it is
    tcsetattr(keyboard_.get(), TCSADRAIN, &keys);
    key_watch_ = loop.watch(keyboard_.get(), [this] { take_keys(); });
  } else {
    keyboard_ = FileDescriptor();
  }
  const sigset_t set = resize_signal();
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
  resizes_ = FileDescriptor(signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC));
  if (resizes_.valid()) resize_watch_ = loop.watch(resizes_.get(), [this] { take_resizes(); });
  terminal_.write(enter);
}

Screen::~Screen() {
  terminal_.write(leave);
  if (keyboard_.valid()) tcsetattr(keyboard_.get(), TCSADRAIN, &before_);
  const sigset_t set = resize_signal();
  pthread_sigmask(SIG_UNBLOCK, &set, nullptr);
}

void Screen::draw(std::vector<std::string> lines) {
  const auto height = static_cast<std::size_t>(terminal_.height());
  if (lines.size() > height) {
    const std::size_t hidden = lines.size() - height + 1;
    lines.resize(height - 1);
    lines.push_back("(" + std::to_string(hidden) + " more lines)");
  }
  std::string out = "\x1b[H";
  for (std::size_t i = 0; i < lines.size(); ++i) out += (i == 0 ? "" : "\r\n") + lines[i] + "\x1b[K";
  terminal_.write(out + "\x1b[J");
}

void Screen::take_keys() {
  char key = 0;
  while (read(keyboard_.get(), &key, 1) == 1) hooks_.key(key);
}

void Screen::take_resizes() {
  signalfd_siginfo info{};
  bool any = false;
  while (read(resizes_.get(), &info, sizeof info) == sizeof info) any = true;
  if (any) hooks_.resized();
}

}  // namespace convctl
