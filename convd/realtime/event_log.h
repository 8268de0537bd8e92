#pragma once
// The log of events as the hub and the producers of progress see it: rows of the store, numbers for progress, and how
// things stand.

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <tuple>
#include <vector>

#include "convd/events/hub.h"
#include "convd/jobs/manager.h"
#include "convd/loop/loop.h"
#include "convd/realtime/settings.h"
#include "convd/realtime/snapshots.h"
#include "convd/store/store.h"

namespace convd::realtime {

// The store's only listener while it lives. Loop thread only.
class EventLog final : public events::ProgressSink, private events::LogSource {
 public:
  static constexpr loop::milliseconds progress_interval{200};  // for one subject

  // All outlive this object.
  EventLog(loop::Loop& loop, store::Store& store, jobs::Manager& manager, const Settings& settings);
  ~EventLog() override;
  EventLog(const EventLog&) = delete;
  EventLog& operator=(const EventLog&) = delete;

  events::Hub& hub() { return hub_; }

  bool is_heard(const std::string& org, shared::Service service) const override { return hub_.is_heard(org, service); }
  std::int64_t newcomers(const std::string& org, shared::Service service) const override {
    return hub_.newcomers(org, service);
  }
  void offer(events::Progress progress) override;
  void drop(const std::string& org, shared::Service service, const std::string& subject) override;
  std::vector<std::string> listening_orgs(shared::Service service) const override {
    return hub_.listening_orgs(service);
  }

 private:
  using Subject = std::tuple<std::string, shared::Service, std::string>;  // org, service, subject
  // A subject that has just been told of.
  struct Turn {
    std::optional<events::Progress> waiting;
    loop::Timer next;
  };

  void open(const std::string& org, std::function<void(shared::Result<events::LogHead>)> done) override;
  std::vector<events::Event> read(const std::string& org, std::int64_t after, std::int64_t through, int limit) override;
  std::vector<events::Event> newest(const std::string& org, std::int64_t through, int limit) override;
  std::int64_t count(const std::string& org, const events::Topic& topic, std::int64_t after,
                     std::int64_t through) override;
  std::int64_t oldest(const std::string& org) override { return store_.oldest_event(org); }
  events::SnapshotPage snapshot(const std::string& org, const events::Topic& topic,
                                const std::string& cursor) override {
    return snapshots_.page(org, topic, cursor);
  }

  void committed(std::vector<store::EventRow> rows);
  void send(events::Progress progress);
  void turn_over(const Subject& subject);
  void prune();

  loop::Loop& loop_;
  store::Store& store_;
  const Settings& settings_;
  Snapshots snapshots_;
  events::Hub hub_;
  std::map<Subject, Turn> turns_;
  loop::Timer pruning_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace convd::realtime
