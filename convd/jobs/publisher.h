#pragma once
// Brings the outputs of a finished child into the results of a conversion: opens them, publishes them a batch at a
// time, zips several, seals the directory.

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "convd/process/spawner.h"
#include "convd/store/store.h"
#include "shared/protocol.h"
#include "shared/result.h"

namespace convd::jobs {

struct Publication {
  std::string id;  // of the conversion
  int attempt = 0;
  process::ChildId child = 0;
  std::vector<process::OutputFile> outputs;  // at least one
  std::string stem;
  std::string extension;
  std::string media_type;
  std::int64_t most_bytes = 0;  // all outputs together
  loop::UniqueFd early_page;    // kept beside them as early_page_file, no part of the result; may be none
};

// No result is called so: their names are never hidden.
inline constexpr std::string_view early_page_file = ".early-page.png";
inline constexpr std::int64_t most_early_page_bytes = 32 << 20;

// Destroying it stops between two batches; `done` is then not called. Loop thread only.
class Publisher {
 public:
  // Errors: output_too_large; interrupted when the runner went away; internal when the result could not be read or
  // stored.
  using Done = std::function<void(shared::Result<shared::ResultInfo>)>;
  Publisher(store::Store& store, process::Spawner& spawner, Publication publication, Done done);
  ~Publisher();
  Publisher(const Publisher&) = delete;
  Publisher& operator=(const Publisher&) = delete;

  void start();

 private:
  struct Progress;  // shared with the file thread

  void open_next();
  void opened(shared::Result<loop::UniqueFd> fd);
  void flush();
  bool all_opened() const { return next_ == publication_.outputs.size(); }
  std::function<shared::Result<void>(store::Files&)> work();
  void finish(shared::Result<shared::ResultInfo> result);

  store::Store& store_;
  process::Spawner& spawner_;
  Publication publication_;
  Done done_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
  std::shared_ptr<Progress> progress_;
  std::size_t next_ = 0;
};

}  // namespace convd::jobs
