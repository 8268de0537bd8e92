#pragma once
// Who watches what. A watcher is a cursor, not a queue: it is told that something changed and asks for the latest value
// when it can write, so a slow reader costs nothing and sees the newest state.

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "convd/loop/loop.h"

namespace convd::events {

// The latest published value of a topic. `frame` is serialised once and shared by all watchers.
struct Latest {
  std::shared_ptr<const std::string> frame;
  std::int64_t rev = 0;
  bool terminal = false;
  std::string org = {};  // whose the topic is; for the observer only
};

enum class Urgency : std::uint8_t {
  state,     // a transition: watchers hear of it at once
  progress,  // may be merged: at most one per watcher's interval is told
};

// Loop thread only.
class Board {
 public:
  class Observer;
  class Subscription;
  static constexpr loop::milliseconds progress_interval{200};  // unless a watcher wants another

  explicit Board(loop::Loop& loop);
  ~Board();
  Board(const Board&) = delete;
  Board& operator=(const Board&) = delete;

  // `topic` is a conversion id. A terminal value is the last one: the topic is forgotten after its watchers have been
  // told.
  void publish(const std::string& topic, Latest latest, Urgency urgency);

  // `changed` is called for every new value (progress merged to one per `interval`), never from within subscribe().
  using Changed = std::function<void(const Latest&)>;
  [[nodiscard]] std::unique_ptr<Subscription> subscribe(const std::string& topic, Changed changed,
                                                        loop::milliseconds interval = progress_interval);
  // Whether a value published for the topic of this org now would reach anybody, watcher or observer.
  bool is_watched(const std::string& topic, const std::string& org) const;

  // A state of the topic is on its way to the store: progress that the observer holds back will be older than it.
  void supersede_progress(const std::string& topic, const std::string& org);

  // The one observer of all topics; null for none. It outlives the board or is taken back before its end.
  void observe(Observer* observer);

  std::size_t watchers() const;
  std::size_t topics() const;
  std::int64_t delivered() const;

 private:
  struct Topic;
  struct State;
  std::shared_ptr<State> state_;
};

// Told of every value that is newer than the one before, at once and before the watchers. Must not publish. Loop thread
// only.
class Board::Observer {
 public:
  virtual ~Observer() = default;
  virtual void published(const std::string& topic, const Latest& latest, Urgency urgency) = 0;
  virtual void superseded(const std::string& topic, const std::string& org) = 0;
  // Whether progress of the org is of use; states are told in any case.
  virtual bool wants_progress(const std::string& org) const = 0;
};

// Ends with its object.
class Board::Subscription {
 public:
  virtual ~Subscription() = default;
};

}  // namespace convd::events
