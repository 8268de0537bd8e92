#pragma once
// How much an org may store.

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "convd/jobs/manager.h"
#include "convd/store/store.h"
#include "shared/result.h"

namespace convd::jobs {

// What is stored is known to the store, to the commit; what is on its way is claimed here, so that two uploads at once
// do not both take the last room. Loop thread only.
class Quota {
 public:
  // Some room of one org, taken before it is used. Given back by its end, on any thread.
  class Claim {
   public:
    Claim(Quota& quota, std::string org, std::shared_ptr<std::atomic<std::int64_t>> all);
    Claim(const Claim&) = delete;
    Claim& operator=(const Claim&) = delete;
    ~Claim();

    // So much in all. Errors: quota_exceeded; what was claimed before stays. Loop thread only, while the quota lives.
    shared::Result<void> grow_to(std::int64_t bytes);

   private:
    void take(std::int64_t bytes);

    Quota& quota_;
    const std::string org_;
    const std::shared_ptr<std::atomic<std::int64_t>> all_;
    std::int64_t bytes_ = 0;
  };

  // `settings` outlives this object.
  Quota(store::Store& store, const Settings& settings) : store_(store), settings_(settings) {}
  Quota(const Quota&) = delete;
  Quota& operator=(const Quota&) = delete;

  std::unique_ptr<Claim> claim(const std::string& org);
  // quota_exceeded when the org stores as much as it may, or more.
  std::optional<shared::Error> refusal(const std::string& org) const;
  // Bytes; 0: no limit.
  std::int64_t limit_of(const std::string& org) const;
  std::int64_t claimed(const std::string& org) const;

 private:
  std::int64_t stored(const std::string& org) const { return store_.usage(org).bytes(); }

  store::Store& store_;
  const Settings& settings_;
  std::map<std::string, std::weak_ptr<std::atomic<std::int64_t>>> claims_;  // bytes, by org; those that have some
};

}  // namespace convd::jobs
