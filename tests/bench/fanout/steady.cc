// Load on a server that is left alone meanwhile.

#include <algorithm>
#include <stdexcept>

#include "tests/bench/fanout/load.h"

namespace fanout {
namespace {

using std::chrono::duration;

// Counts for every event how many have not heard it yet. An event is over when all have.
class Flight final : public Audience {
 public:
  Flight(std::size_t subscribers, std::size_t hearing) : heard_(subscribers), hearing_(hearing) {}

  void on_event(Subscriber& subscriber, const Frame& frame) override {
    ++delivered_;
    payload_bytes_ += frame.payload.size();
    std::size_t& listeners = listeners_[heard_[subscriber.index()]++ % listeners_.size()];
    if (++listeners < hearing_) return;
    listeners = 0;
    ++over_;
  }

  std::uint64_t delivered() const { return delivered_; }
  std::uint64_t payload_bytes() const { return payload_bytes_; }
  std::uint64_t over() const { return over_; }
  static constexpr std::size_t most_in_flight = 4096;

 private:
  std::vector<std::uint64_t> heard_;                                               // by subscriber
  std::vector<std::size_t> listeners_ = std::vector<std::size_t>(most_in_flight);  // by event
  const std::size_t hearing_;
  std::uint64_t delivered_ = 0;
  std::uint64_t payload_bytes_ = 0;
  std::uint64_t over_ = 0;
};

struct Mark {
  Clock::time_point time;
  double server_cpu;
  double own_cpu;
  std::uint64_t delivered;
  std::uint64_t payload_bytes;

  Mark(const Load& load, const Flight& flight)
      : time(Clock::now()),
        server_cpu(load.usage.cpu_seconds()),
        own_cpu(own_cpu_seconds()),
        delivered(flight.delivered()),
        payload_bytes(flight.payload_bytes()) {}
};

class Delays final : public Audience {
 public:
  void on_event(Subscriber&, const Frame& frame) override { times.push_back(Clock::now() - stamp_in(frame.payload)); }
  std::vector<std::chrono::nanoseconds> times;
};

void report_throughput(const Mark& from, const Mark& to) {
  const double seconds = duration<double>(to.time - from.time).count();
  const auto delivered = static_cast<double>(to.delivered - from.delivered);
  if (delivered == 0) throw std::runtime_error("nothing was delivered");
  const double cpu = to.server_cpu - from.server_cpu;
  Report()
      .add("per_second", delivered / seconds)
      .add("us_per_delivery", cpu * 1e6 / delivered)
      .add("server_cpu", cpu / seconds)
      .add("client_cpu", (to.own_cpu - from.own_cpu) / seconds)
      .add("payload_bytes", static_cast<double>(to.payload_bytes - from.payload_bytes) / delivered)
      .print();
}

}  // namespace

void throughput(Load& load) {
  const std::size_t window = std::min(load.count("window"), Flight::most_in_flight);
  Flight flight(load.count("subscribers"), load.count("subscribers"));
  Swarm swarm(load.poller, load.access, flight, load.count("subscribers"));
  load.assemble(swarm);
  const auto publisher = load.new_publisher();

  std::uint64_t published = 0;
  const auto run_for = [&](std::chrono::milliseconds time) {
    const auto end = Clock::now() + time;
    auto stuck = Clock::now() + std::chrono::seconds(10);
    for (auto now = Clock::now(); now < end; now = Clock::now()) {
      if (published < flight.over() + window) stuck = now + std::chrono::seconds(10);
      for (; published < flight.over() + window; ++published) load.publish(*publisher);
      if (now > stuck) throw std::runtime_error("events are missing");
      publisher->flush();
      load.poller.wait(std::chrono::milliseconds(100));
    }
    return Mark(load, flight);
  };
  const Mark warm = run_for(load.seconds("warm"));
  report_throughput(warm, run_for(load.seconds("seconds")));
}

void paced(Load& load) {
  Delays delays;
  Swarm swarm(load.poller, load.access, delays, load.count("subscribers"));
  swarm.make_deaf(load.count("deaf"));
  load.assemble(swarm);
  const auto publisher = load.new_publisher();
  const double rss = load.usage.rss_kib();
  const double cpu = load.usage.cpu_seconds();

  const auto events = static_cast<std::size_t>(load.number("rate") * load.number("seconds"));
  const std::size_t deliveries = events * swarm.hearing();
  delays.times.reserve(deliveries);
  Pace pace(load.number("rate"));
  for (std::size_t published = 0; published < events;) {
    for (; published < events && pace.is_due(); ++published) load.publish(*publisher);
    publisher->flush();
    load.poller.wait(pace.until_due());
  }
  load.await_answers(*publisher);
  load.run_until([&] { return delays.times.size() >= deliveries; }, "delivery");
  Report()
      .add("deliveries", static_cast<double>(deliveries))
      .add("us_per_delivery", (load.usage.cpu_seconds() - cpu) * 1e6 / static_cast<double>(deliveries))
      .add("rss_kib_before", rss)
      .add("rss_kib", load.usage.rss_kib())
      .add_times("delay", std::move(delays.times))
      .print();
}

void idle(Load& load) {
  Delays delays;
  const std::size_t count = load.count("subscribers");
  Swarm swarm(load.poller, load.access, delays, count);
  const double before = load.usage.rss_kib();
  const auto start = Clock::now();
  load.assemble(swarm);
  const double seconds = duration<double>(Clock::now() - start).count();
  const auto settled = Clock::now() + load.seconds("warm");
  load.run_until([&] { return Clock::now() >= settled; }, "settling");
  const double after = load.usage.rss_kib();
  const double cpu = load.usage.cpu_seconds();
  const auto end = Clock::now() + load.seconds("seconds");
  load.run_until([&] { return Clock::now() >= end; }, "idling");
  Report()
      .add("connects_per_second", static_cast<double>(count) / seconds)
      .add("rss_kib_before", before)
      .add("rss_kib", after)
      .add("bytes_per_connection", (after - before) * 1024 / static_cast<double>(count))
      .add("idle_cpu", (load.usage.cpu_seconds() - cpu) / load.number("seconds"))
      .print();
}

}  // namespace fanout
