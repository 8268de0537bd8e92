#include "convd/jobs/manager.h"

#include <utility>

#include "convd/jobs/manager_impl.h"
#include "convd/loop/wall_clock.h"

namespace convd::jobs {

using shared::Result;

Manager::Impl::Impl(loop::Loop& loop, store::Store& store, engines::Registry& registry, process::Spawner& spawner,
                    events::Board& board, Settings settings)
    : loop_(loop),
      store_(store),
      registry_(registry),
      spawner_(spawner),
      board_(board),
      settings_(settings),
      planner_(registry),
      probe_(loop, spawner, registry),
      random_(std::random_device{}()) {}

Manager::Impl::~Impl() {
  *alive_ = false;
}

std::int64_t Manager::Impl::wall_ms() const {
  return loop::wall_ms(loop_);
}

Manager::Manager(loop::Loop& loop, store::Store& store, engines::Registry& registry, process::Spawner& spawner,
                 events::Board& board, Settings settings)
    : impl_(std::make_unique<Impl>(loop, store, registry, spawner, board, settings)) {}

Manager::~Manager() = default;

void Manager::recover(std::function<void(Result<void>)> done) {
  impl_->recover(std::move(done));
}

void Manager::submit(Submission submission, Accepted done) {
  impl_->submit(std::move(submission), std::move(done));
}

Result<shared::StatusObject> Manager::status(const std::string& org, const std::string& id) {
  return impl_->status(org, id);
}

Result<Page<shared::StatusObject>> Manager::list(const ListRequest& request) {
  return impl_->list(request);
}

void Manager::cancel(const std::string& org, const std::string& id, Accepted done) {
  impl_->cancel(org, id, std::move(done));
}

void Manager::retry(const std::string& org, const std::string& principal, const std::string& id, Accepted done) {
  impl_->retry(org, principal, id, std::move(done));
}

void Manager::remove(const std::string& org, const std::string& id, std::function<void(Result<void>)> done) {
  impl_->remove(org, id, std::move(done));
}

Result<ResultHandle> Manager::result(const std::string& org, const std::string& id, const std::string& name) {
  return impl_->result(org, id, name);
}

Result<shared::Receipt> Manager::receipt(const std::string& org, const std::string& id) {
  return impl_->receipt(org, id);
}

Result<ResultHandle> Manager::early_page(const std::string& org, const std::string& id) {
  return impl_->early_page(org, id);
}

Result<std::unique_ptr<store::Upload>> Manager::begin_upload() {
  return impl_->begin_upload();
}

void Manager::put_document(const std::string& org, const std::string& name, std::unique_ptr<store::Upload> upload,
                           std::function<void(Result<DocumentInfo>)> done) {
  impl_->put_document(org, name, std::move(upload), std::move(done));
}

Result<DocumentInfo> Manager::document(const std::string& org, const std::string& name) {
  return impl_->document(org, name);
}

Result<loop::UniqueFd> Manager::open_document(const std::string& org, const std::string& name) {
  return impl_->open_document(org, name);
}

Page<DocumentInfo> Manager::documents(const std::string& org, const std::string& after, int limit) {
  return impl_->documents(org, after, limit);
}

void Manager::remove_document(const std::string& org, const std::string& name, std::function<void(Result<void>)> done) {
  impl_->remove_document(org, name, std::move(done));
}

const Planner& Manager::planner() const {
  return impl_->planner_;
}

const engines::Registry& Manager::registry() const {
  return impl_->registry_;
}

events::Board& Manager::board() {
  return impl_->board_;
}

const Settings& Manager::settings() const {
  return impl_->settings_;
}

Capacity Manager::capacity() const {
  return impl_->capacity();
}

const Counters& Manager::counters() const {
  return impl_->counters_;
}

OrgLoad Manager::load(const std::string& org) const {
  return impl_->load(org);
}

std::optional<std::int64_t> Manager::oldest_waiting_ms() const {
  return impl_->oldest_waiting_ms();
}

std::vector<std::pair<std::string, std::string>> Manager::problems() const {
  return impl_->problems();
}

process::RunnerState Manager::runner_state() const {
  return impl_->spawner_.state();
}

void Manager::drain(loop::milliseconds patience, std::function<void()> drained) {
  impl_->drain(patience, std::move(drained));
}

bool Manager::draining() const {
  return impl_->draining_;
}

}  // namespace convd::jobs
