#include "convd/jobs/quota.h"

#include <utility>

namespace convd::jobs {
namespace {

using shared::Error;
using shared::ErrorCode;
using shared::Result;

Error exceeded(std::int64_t used_bytes, std::int64_t limit_bytes) {
  return {ErrorCode::quota_exceeded,
          "your documents and results take " + std::to_string(used_bytes) + " bytes, of " +
              std::to_string(limit_bytes) + " allowed: remove some that you do not need",
          {}};
}

Error would_exceed(std::int64_t used_bytes, std::int64_t bytes, std::int64_t limit_bytes) {
  return {ErrorCode::quota_exceeded,
          "there is no room for " + std::to_string(bytes) + " bytes more: your documents and results take " +
              std::to_string(used_bytes) + " bytes, of " + std::to_string(limit_bytes) +
              " allowed; remove some that you do not need",
          {}};
}

}  // namespace

Quota::Claim::Claim(Quota& quota, std::string org, std::shared_ptr<std::atomic<std::int64_t>> all)
    : quota_(quota), org_(std::move(org)), all_(std::move(all)) {}

Quota::Claim::~Claim() {
  *all_ -= bytes_;
}

void Quota::Claim::take(std::int64_t bytes) {
  *all_ += bytes - bytes_;
  bytes_ = bytes;
}

Result<void> Quota::Claim::grow_to(std::int64_t bytes) {
  if (bytes <= bytes_) return {};
  if (const std::int64_t limit = quota_.limit_of(org_); limit > 0) {
    const std::int64_t used = quota_.stored(org_) + *all_ - bytes_;
    if (used + bytes > limit) return would_exceed(used, bytes, limit);
  }
  take(bytes);
  return {};
}

std::unique_ptr<Quota::Claim> Quota::claim(const std::string& org) {
  std::erase_if(claims_, [](const auto& entry) { return entry.second.expired(); });
  auto all = claims_[org].lock();
  if (!all) claims_[org] = all = std::make_shared<std::atomic<std::int64_t>>(0);
  return std::make_unique<Claim>(*this, org, std::move(all));
}

std::optional<Error> Quota::refusal(const std::string& org) const {
  const std::int64_t limit = limit_of(org);
  if (limit == 0) return std::nullopt;
  const std::int64_t used = stored(org);
  if (used < limit) return std::nullopt;
  return exceeded(used, limit);
}

std::int64_t Quota::limit_of(const std::string& org) const {
  const auto own = settings_.org_quotas.find(org);
  return own == settings_.org_quotas.end() ? settings_.org_quota_bytes : own->second;
}

std::int64_t Quota::claimed(const std::string& org) const {
  const auto found = claims_.find(org);
  const auto all = found == claims_.end() ? nullptr : found->second.lock();
  return all ? all->load() : 0;
}

}  // namespace convd::jobs
