// What is stored, and who may store more.

#include <utility>

#include "convd/jobs/manager_impl.h"

namespace convd::jobs {

using shared::Error;
using shared::ErrorCode;
using shared::Result;

Result<std::unique_ptr<store::Upload>> Manager::Impl::begin_upload(const std::string& org, UploadFor purpose,
                                                                   std::optional<std::int64_t> total_bytes) {
  auto refused = closed();
  if (refused && purpose == UploadFor::new_work) return *std::move(refused);
  const auto gate = gate_of(org);
  if (auto open = gate(total_bytes.value_or(1)); !open) return open.error();
  auto upload = store_.files().begin_upload();
  if (upload) (*upload)->set_gate(gate);
  return upload;
}

// The claim lives with the upload, which the store keeps until its row is committed: from then on it counts as stored.
std::function<Result<void>(std::int64_t)> Manager::Impl::gate_of(const std::string& org) {
  const std::shared_ptr<Quota::Claim> claim = quota_.claim(org);
  return [this, alive = alive_, claim](std::int64_t size_bytes) -> Result<void> {
    if (!*alive) return Error{ErrorCode::shutting_down, "the daemon is shutting down; try again later", {}};
    if (auto full = disk_.refusal()) return *std::move(full);
    return claim->grow_to(size_bytes);
  };
}

OrgUsage Manager::Impl::usage(const std::string& org) const {
  return {store_.usage(org), quota_.claimed(org), quota_.limit_of(org)};
}

StorageFacts Manager::Impl::storage() const {
  const auto& removed = retention_.removed();
  const auto& swept = sweep_.removed();
  StorageFacts facts;
  facts.stored = store_.usage_of_all();
  facts.free_bytes = disk_.free_bytes();
  facts.accepting = !disk_.refusal();
  facts.reserve_spent = store_.files().reserve().is_spent();
  facts.results_removed = {{std::string(why_old), removed.results_by_age},
                           {std::string(why_too_much), removed.results_by_size}};
  facts.documents_removed = removed.documents;
  facts.conversions_removed = removed.conversions;
  facts.leftovers = {{"upload", swept.uploads}, {"result", swept.results}, {"blob", swept.blobs}};
  facts.results_damaged = result_check_.damaged();
  return facts;
}

}  // namespace convd::jobs
