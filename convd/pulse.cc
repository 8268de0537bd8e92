#include "convd/pulse.h"

namespace convd {
namespace {

constexpr loop::milliseconds slow{10'000};

std::string since(loop::milliseconds silence) {
  return "has not answered for " + std::to_string(silence.count() / 1'000) + " s";
}

}  // namespace

Pulse::~Pulse() {
  *here_ = false;
}

void Pulse::start(Settings settings, loop::Task alive) {
  settings_ = settings;
  alive_ = std::move(alive);
  timer_ = loop_.every(settings_.period, [this] { tick(); });
  tick();
}

void Pulse::tick() {
  if (!rows_.under_way) send_to_rows();
  if (!files_.under_way) send_to_files();
  if (!uploads_.under_way) send_to_uploads();
}

// An operation that changes nothing: it waits behind whatever the thread is at, and costs no fsync.
void Pulse::send_to_rows() {
  rows_ = {true, loop_.now()};
  store_.submit([](store::Transaction&, store::Files&) { return shared::Result<void>(); },
                [this, here = here_](const shared::Result<void>& committed) {
                  if (!*here) return;
                  rows_.under_way = false;
                  if (committed && files_get_on()) alive_();
                });
}

void Pulse::send_to_files() {
  files_ = {true, loop_.now()};
  store_.submit([](store::Files&) { return shared::Result<void>(); }, nullptr,
                [this, here = here_](const shared::Result<void>&) {
                  if (*here) files_.under_way = false;
                });
}

void Pulse::send_to_uploads() {
  uploads_ = {true, loop_.now()};
  store_.submit_upload([](store::Files&) { return shared::Result<void>(); }, nullptr,
                       [this, here = here_](const shared::Result<void>&) {
                         if (*here) uploads_.under_way = false;
                       });
}

bool Pulse::files_get_on() const {
  return silence(files_) <= settings_.file_patience && silence(uploads_) <= settings_.file_patience;
}

loop::milliseconds Pulse::silence(const Beat& beat) const {
  if (!beat.under_way) return loop::milliseconds(0);
  return std::chrono::duration_cast<loop::milliseconds>(loop_.now() - beat.since);
}

std::vector<std::pair<std::string, std::string>> Pulse::problems() const {
  std::vector<std::pair<std::string, std::string>> problems;
  if (silence(rows_) > slow) problems.emplace_back("store", since(silence(rows_)));
  if (silence(files_) > settings_.file_patience) problems.emplace_back("files", since(silence(files_)));
  if (silence(uploads_) > settings_.file_patience) problems.emplace_back("uploads", since(silence(uploads_)));
  return problems;
}

}  // namespace convd
