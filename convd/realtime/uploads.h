#pragma once
// How far uploads are, told to those who listen as upload.progress: when one begins, while it goes on, and how it ends.

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "convd/events/event.h"
#include "convd/jobs/uuid.h"
#include "convd/loop/loop.h"

namespace convd::realtime {

// Loop thread only.
class Uploads {
 public:
  class Arrival;
  using Ticket = std::unique_ptr<Arrival>;

  // Both outlive this object.
  Uploads(loop::Loop& loop, events::ProgressSink& sink);
  Uploads(const Uploads&) = delete;
  Uploads& operator=(const Uploads&) = delete;

  // `filename` as far as it is known yet; `total` in bytes, nothing when the client did not say.
  [[nodiscard]] Ticket begin(const std::string& org, const std::string& principal, const std::string& filename,
                             std::optional<std::int64_t> total);

 private:
  loop::Loop& loop_;
  std::shared_ptr<events::ProgressSink*> sink_;
  jobs::UuidSource ids_;
};

// One file on its way. It has failed when it goes before it was stored. May outlive its Uploads, and then tells nobody.
class Uploads::Arrival {
 public:
  ~Arrival();
  Arrival(const Arrival&) = delete;
  Arrival& operator=(const Arrival&) = delete;

  void received(std::int64_t bytes);  // so far
  void stored(const std::string& filename);

 private:
  friend class Uploads;
  Arrival(std::weak_ptr<events::ProgressSink*> sink, std::string org);
  void tell(const char* state) const;

  std::weak_ptr<events::ProgressSink*> sink_;
  std::string org_;
  std::string id_;
  std::string filename_;
  std::string principal_;
  std::int64_t received_ = 0;
  std::optional<std::int64_t> total_;
  bool ended_ = false;
};

}  // namespace convd::realtime
