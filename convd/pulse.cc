#include "convd/pulse.h"

namespace convd {
namespace {

constexpr loop::milliseconds slow{10'000};

std::string since(loop::milliseconds silence) {
  return "has not answered for " + std::to_string(silence.count() / 1'000) + " s";
}

// On a full disk the daemon goes on, refusing what is new: to start it again would make no room.
bool is_alive_after(const shared::Result<void>& committed) {
  return committed || committed.error().code == shared::ErrorCode::disk_full;
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

// It waits behind whatever the thread is at. As long as all is well it changes nothing, and so costs no fsync; after a
// lost write it writes, to learn whether the disk takes something again.
void Pulse::send_to_rows() {
  rows_ = {true, loop_.now()};
  const auto beat = [in_doubt = store_.lost_write().has_value()](store::Transaction& transaction, store::Files&) {
    if (in_doubt) transaction.touch();
    return shared::Result<void>();
  };
  store_.submit(beat, [this, here = here_](const shared::Result<void>& committed) {
    if (!*here) return;
    rows_.under_way = false;
    if (is_alive_after(committed) && files_get_on()) alive_();
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
