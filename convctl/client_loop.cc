#include "convctl/client_loop.h"

#include <fcntl.h>
#include <sys/signalfd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstring>

#include "convctl/client_lws.h"
#include "convctl/failure.h"

namespace convctl {

// Shared with libwebsockets, which holds a duplicate of the descriptor and closes it at its own time.
class ClientLoop::Watch {
 public:
  Watch(ClientLoop& loop, Task ready) : loop_(loop), ready_(std::move(ready)) {}
  ClientLoop& loop_;
  Task ready_;
  lws* wsi_ = nullptr;
};

class ClientLoop::Timer : public lws_sorted_usec_list_t {
 public:
  Timer(ClientLoop& loop, Task due) : lws_sorted_usec_list_t{}, loop_(loop), due_(std::move(due)) {}
  ClientLoop& loop_;
  Task due_;
};

namespace {

constexpr const char* watch_protocol = "convctl-fd";

sigset_t handled_signals() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGINT);
  sigaddset(&set, SIGTERM);
  return set;
}

}  // namespace

// The opaque pointer is the Watch, null once the owner has let go.
static int watch_callback(lws* wsi, lws_callback_reasons reason, void*, void*, std::size_t) noexcept {
  const bool closed = reason == LWS_CALLBACK_RAW_CLOSE_FILE;
  if (!closed && reason != LWS_CALLBACK_RAW_RX_FILE && reason != LWS_CALLBACK_RAW_WRITEABLE_FILE) return 0;
  auto* watch = static_cast<ClientLoop::Watch*>(lws_get_opaque_user_data(wsi));
  if (watch == nullptr) return closed ? 0 : -1;
  if (closed) watch->wsi_ = nullptr;
  // A copy: the task may end the watch.
  const ClientLoop::Task ready = watch->ready_;
  watch->loop_.guard(ready);
  return 0;
}

static void timer_callback(lws_sorted_usec_list_t* sul) noexcept {
  auto* timer = static_cast<ClientLoop::Timer*>(sul);
  ClientLoop& loop = timer->loop_;
  const ClientLoop::Task due = timer->due_;
  loop.guard(due);
  loop.wake();
}

namespace {

constexpr lws_protocols protocols[] = {
    {watch_protocol, watch_callback, 0, 0, 0, nullptr, 0},
    {websocket_protocol, websocket_callback, 0, 64 * 1024, 0, nullptr, 0},
    {nullptr, nullptr, 0, 0, 0, nullptr, 0},
};

}  // namespace

void ClientLoop::WatchDeleter::operator()(Watch* watch) const {
  watch->loop_.to_write_.erase(watch);
  if (watch->wsi_ != nullptr) {
    lws_set_opaque_user_data(watch->wsi_, nullptr);
    lws_set_timeout(watch->wsi_, PENDING_TIMEOUT_USER_OK, LWS_TO_KILL_ASYNC);
  }
  delete watch;
}

void ClientLoop::TimerDeleter::operator()(Timer* timer) const {
  lws_sul_cancel(timer);
  delete timer;
}

ClientLoop::ClientLoop(const Tls* tls) : tls_(tls) {
  const sigset_t set = handled_signals();
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
  signal_fd_ = FileDescriptor(signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC));
  lws_set_log_level(0, nullptr);
  lws_context_creation_info info{};
  info.port = CONTEXT_PORT_NO_LISTEN;
  info.protocols = protocols;
  info.options = LWS_SERVER_OPTION_VALIDATE_UTF8;
  if (tls_ != nullptr) {
    info.options |= LWS_SERVER_OPTION_DO_SSL_GLOBAL_INIT;
    info.provided_client_ssl_ctx = tls_->context();
  }
  info.timeout_secs = 20;
  context_ = lws_create_context(&info);
  if (context_ == nullptr || !signal_fd_.valid()) throw Failure{Exit::internal, "the event loop cannot be set up", ""};
  signal_watch_ = watch(signal_fd_.get(), [this] { take_signal(); });
}

ClientLoop::~ClientLoop() {
  signal_watch_.reset();
  posted_.clear();
  lws_context_destroy(context_);
  const sigset_t set = handled_signals();
  pthread_sigmask(SIG_UNBLOCK, &set, nullptr);
}

ClientLoop::WatchHandle ClientLoop::watch(int fd, Task ready) {
  WatchHandle handle(std::make_unique<Watch>(*this, std::move(ready)).release());
  const int twin = fcntl(fd, F_DUPFD_CLOEXEC, 3);
  if (twin < 0) throw Failure{Exit::internal, std::string("cannot watch a descriptor: ") + std::strerror(errno), ""};
  lws_sock_file_fd_type descriptor{};
  descriptor.filefd = twin;
  handle->wsi_ = lws_adopt_descriptor_vhost(lws_get_vhost_by_name(context_, "default"), LWS_ADOPT_RAW_FILE_DESC,
                                            descriptor, watch_protocol, nullptr);
  if (handle->wsi_ == nullptr) throw Failure{Exit::internal, "cannot watch a descriptor", ""};
  lws_set_opaque_user_data(handle->wsi_, handle.get());
  return handle;
}

void ClientLoop::want_write(Watch& watch) {
  to_write_.insert(&watch);
}

ClientLoop::TimerHandle ClientLoop::after(std::chrono::milliseconds delay, Task due) {
  TimerHandle handle(std::make_unique<Timer>(*this, std::move(due)).release());
  lws_sul_schedule(context_, 0, handle.get(), timer_callback, std::max<lws_usec_t>(1, delay.count() * 1000));
  return handle;
}

void ClientLoop::post(Task task) {
  posted_.push_back(std::move(task));
  wake();
}

// What is due at the start of a turn is done before libwebsockets waits, up to 30 s, for something else: whoever waits
// for the timer would not be asked until then.
void ClientLoop::wake() {
  lws_cancel_service(context_);
}

void ClientLoop::guard(const Task& task) noexcept {
  try {
    task();
  } catch (...) {
    if (!thrown_) thrown_ = std::current_exception();
    wake();
  }
}

void ClientLoop::take_signal() {
  signalfd_siginfo info{};
  while (read(signal_fd_.get(), &info, sizeof info) == sizeof info) {
    const int number = static_cast<int>(info.ssi_signo);
    if (!on_signal_) throw Failure{exit_for_signal(number), number == SIGTERM ? "terminated" : "interrupted", ""};
    on_signal_(number);
  }
}

void ClientLoop::turn() {
  while (!posted_.empty() && !thrown_) {
    const Task task = std::move(posted_.front());
    posted_.pop_front();
    guard(task);
  }
}

void ClientLoop::run_until(const std::function<bool()>& over) {
  for (;;) {
    turn();
    if (thrown_) std::rethrow_exception(std::exchange(thrown_, nullptr));
    if (over()) return;
    // Asked for here and not at once: libwebsockets withdraws a wish made inside its own writable callback.
    for (Watch* watch : std::exchange(to_write_, {})) {
      if (watch->wsi_ != nullptr) lws_callback_on_writable(watch->wsi_);
    }
    if (lws_service(context_, 0) < 0) throw Failure{Exit::internal, "the event loop has failed", ""};
  }
}

}  // namespace convctl
