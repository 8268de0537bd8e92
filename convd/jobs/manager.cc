#include "convd/jobs/manager.h"

#include <utility>

#include "convd/jobs/manager_impl.h"
#include "convd/loop/wall_clock.h"

namespace convd::jobs {

using shared::Result;

Manager::Impl::Impl(loop::Loop& loop, store::Store& store, engines::Registry& registry, process::Spawner& spawner,
                    events::Board& board, Settings settings, std::uint64_t seed)
    : loop_(loop),
      store_(store),
      registry_(registry),
      spawner_(spawner),
      board_(board),
      settings_(settings),
      planner_(registry),
      quarantine_(quarantine_rules(settings)),
      slots_(slot_limits(settings)),
      probe_(loop, spawner, registry),
      fonts_(loop, store, settings_.font_roots),
      disk_(loop, store, settings_),
      quota_(store, settings_),
      retention_(loop, store, settings_),
      sweep_(loop, store, [this](const std::string& id) { return live_.contains(id); }),
      result_check_(store),
      ids_(seed),
      random_(seed),
      operation_since_ms_(loop::wall_ms(loop)),
      accepted_rate_(loop.now()) {
  for (const auto end : {shared::Status::completed, shared::Status::error, shared::Status::cancelled})
    ended_rates_.emplace(end, loop.now());
  for (const auto& [org, weight] : settings_.org_weights) queue_.set_weight(org, weight);
}

SlotLimits Manager::Impl::slot_limits(const Settings& settings) {
  return {settings.slots, settings.short_slots, settings.short_cost_ms, settings.slots_per_org};
}

Manager::Impl::~Impl() {
  *alive_ = false;
}

std::int64_t Manager::Impl::wall_ms() const {
  return loop::wall_ms(loop_);
}

Manager::Manager(loop::Loop& loop, store::Store& store, engines::Registry& registry, process::Spawner& spawner,
                 events::Board& board, Settings settings, std::uint64_t seed)
    : impl_(std::make_unique<Impl>(loop, store, registry, spawner, board, settings, seed)) {}

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

void Manager::fetch_result(const std::string& org, const std::string& id, const std::string& name, Fetched done) {
  impl_->fetch_result(org, id, name, std::move(done));
}

Result<shared::Receipt> Manager::receipt(const std::string& org, const std::string& id) {
  return impl_->receipt(org, id);
}

Result<ResultHandle> Manager::early_page(const std::string& org, const std::string& id) {
  return impl_->early_page(org, id);
}

bool Manager::remembers(const std::string& org, const std::string& idempotency_key) {
  return impl_->remembers(org, idempotency_key);
}

Result<std::unique_ptr<store::Upload>> Manager::begin_upload(const std::string& org, UploadFor purpose,
                                                             std::optional<std::int64_t> total_bytes) {
  return impl_->begin_upload(org, purpose, total_bytes);
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

std::vector<QueuePlace> Manager::places(const std::string& org, int limit) const {
  return impl_->places(org, limit);
}

std::int64_t Manager::room_ms(const std::string& org) const {
  return impl_->room_ms(org);
}

OrgUsage Manager::usage(const std::string& org) const {
  return impl_->usage(org);
}

StorageFacts Manager::storage() const {
  return impl_->storage();
}

std::optional<shared::Error> Manager::disk_refusal() const {
  return impl_->disk_.refusal();
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

void Manager::set(const Settings& settings) {
  impl_->set(settings);
}

bool Manager::pause() {
  return impl_->ask_for(Operation::paused, nullptr);
}

bool Manager::resume() {
  return impl_->ask_for(Operation::running, nullptr);
}

bool Manager::drain_and_stay(std::function<void()> idle) {
  return impl_->ask_for(Operation::draining, std::move(idle));
}

bool Manager::paused() const {
  return impl_->operation_ == Operation::paused;
}

OperationState Manager::operation() const {
  return impl_->operation();
}

std::optional<std::int64_t> Manager::idle_in_ms() const {
  return impl_->idle_in_ms();
}

Activity Manager::activity(const std::string& org) const {
  return impl_->activity(org);
}

}  // namespace convd::jobs
