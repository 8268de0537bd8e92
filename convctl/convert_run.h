#pragma once
// `convctl convert`: many files through submit, watch and fetch at once, from one loop. Main thread only.

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "convctl/naming.h"
#include "convctl/output_file.h"
#include "convctl/progress.h"
#include "convctl/session.h"
#include "convctl/watcher.h"

namespace convctl {

struct ConvertOptions {
  std::vector<std::string> files;
  std::string output;
  std::string output_dir;
  std::string to;
  std::string from;
  std::vector<std::string> options;
  std::string pages;
  std::string password;
  std::string output_password;
  std::string prompt_mode;
  bool detach = false;
  std::vector<std::string> labels;
  std::optional<int> priority;
  std::optional<std::chrono::milliseconds> attempt_timeout;
  std::optional<std::chrono::milliseconds> stall_timeout;
  std::optional<std::chrono::milliseconds> deadline;
  IfExists if_exists = IfExists::error;
  bool no_cache = false;
  std::string idempotency_key;  // "auto": by the file and the arguments
};

class ConvertRun {
 public:
  // Throws Failure (usage) for flags that do not go together.
  ConvertRun(Session& session, ConvertOptions options);
  // The exit code for all of them. Throws Failure (unavailable, timeout, ...).
  Exit run();

 private:
  enum class Attempt { first, again };
  struct Item {
    std::string input;
    std::string filename;  // what the daemon is told
    std::string target;    // "-" for stdout, empty while the extension is not known
    FileDescriptor spooled;
    std::string id;
    int tries = 0;
    std::unique_ptr<HttpCall> call;
    std::unique_ptr<HttpCall> cancel;
    std::unique_ptr<Watcher> watcher;
    ClientLoop::TimerHandle timer;
    std::unique_ptr<OutputFile> out;
    std::vector<shared::ResultFile> parts;  // still to be fetched one by one
    std::vector<std::string> outputs;
    std::optional<Exit> exit;
  };

  void prepare(std::size_t index);
  // Decides about an output that exists; false when the item has ended with that.
  bool settle_target(std::size_t index, const std::string& extension);
  void pump();
  void submit(std::size_t index);
  HttpRequest submission(Item& item);
  using Fields = std::vector<std::pair<std::string, std::string>>;
  Fields fields() const;
  void submitted(std::size_t index, const HttpOutcome& outcome);
  bool try_again(std::size_t index, const Failure& failure);
  void watch(std::size_t index);
  void progressed(std::size_t index, const shared::StatusObject& object);
  void completed(std::size_t index);
  void fetch(std::size_t index, Attempt attempt);
  void fetched(std::size_t index, const HttpOutcome& outcome);
  std::string part_path(const Item& item, const shared::ResultFile& part) const;
  void end(std::size_t index, Exit exit, Phase phase, std::string outcome);
  void fail(std::size_t index, const Failure& failure);
  void report(const Item& item, const Task& task);
  void show(std::size_t index);
  void tick();
  void signalled(int number);
  void cancel(std::size_t index);
  bool over() const;
  std::string ids_still_running() const;
  // Runs `step`; a Failure it throws ends the item.
  void guarded(std::size_t index, const std::function<void()>& step);

  Session& session_;
  ConvertOptions options_;
  Client& client_;
  std::vector<Item> items_;
  std::vector<Task> tasks_;
  std::unique_ptr<Progress> progress_;
  std::set<std::string> taken_;
  std::size_t next_ = 0;
  std::size_t limit_ = 4;
  std::optional<int> signal_;
  bool leaving_ = false;
  ClientLoop::TimerHandle ticker_;
  ClientLoop::TimerHandle patience_;
};

}  // namespace convctl
