#pragma once
// No result is served that is not what was published: its size is looked at when it is opened, its bytes are compared
// with its digest once, on the file thread, before they are served for the first time.

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "convd/jobs/manager.h"
#include "convd/store/store.h"
#include "shared/result.h"

namespace convd::jobs {

// Loop thread only.
class ResultCheck {
 public:
  explicit ResultCheck(store::Store& store) : store_(store) {}
  ~ResultCheck();
  ResultCheck(const ResultCheck&) = delete;
  ResultCheck& operator=(const ResultCheck&) = delete;

  // Errors: result_damaged, when it is not there or not of its size.
  shared::Result<ResultHandle> open(const std::string& id, const shared::ResultFile& file);
  // `done` at once for what was verified before. Errors: result_damaged.
  using Done = std::function<void(shared::Result<ResultHandle>)>;
  void verify(const std::string& id, ResultHandle handle, Done done);

  // How often a damaged result was asked for.
  std::int64_t damaged() const { return damaged_; }

 private:
  struct Reading;
  void read_on(const std::shared_ptr<Reading>& reading);
  void answer(const std::shared_ptr<Reading>& reading, store::Verdict verdict);
  shared::Error complain(const std::string& id, const std::string& name, std::string_view what);

  store::Store& store_;
  std::int64_t damaged_ = 0;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace convd::jobs
