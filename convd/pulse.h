#pragma once
// Whether the daemon gets on: something is sent through the loop and each of the store's threads again and again, and
// has to come back.

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "convd/loop/loop.h"
#include "convd/store/store.h"

namespace convd {

// Loop thread only.
class Pulse {
 public:
  struct Settings {
    loop::milliseconds period{5'000};
    // The threads for files may be busy with a large one for that long and count as getting on.
    loop::milliseconds file_patience{600'000};
  };
  // Both outlive this object. `alive` is called for what has come back from the store, unless one of the
  // threads for files has been silent for longer than their patience.
  Pulse(loop::Loop& loop, store::Store& store) : loop_(loop), store_(store) {}
  ~Pulse();
  Pulse(const Pulse&) = delete;
  Pulse& operator=(const Pulse&) = delete;

  void start(Settings settings, loop::Task alive);
  // What has not come back for longer than it should: check and reason.
  std::vector<std::pair<std::string, std::string>> problems() const;

 private:
  // One thing under way at a time.
  struct Beat {
    bool under_way = false;
    loop::TimePoint since;
  };
  void tick();
  void send_to_rows();
  void send_to_files();
  void send_to_uploads();
  loop::milliseconds silence(const Beat& beat) const;
  bool files_get_on() const;

  loop::Loop& loop_;
  store::Store& store_;
  Settings settings_;
  loop::Task alive_;
  Beat rows_;
  Beat files_;
  Beat uploads_;
  loop::Timer timer_;
  std::shared_ptr<bool> here_ = std::make_shared<bool>(true);
};

}  // namespace convd
