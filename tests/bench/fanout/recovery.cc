// Clients of the unified stream that were away and come back.

#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <optional>
#include <stdexcept>

#include "tests/bench/fanout/load.h"

namespace fanout {
namespace {

double ms_since(Clock::time_point start) {
  return std::chrono::duration<double, std::milli>(Clock::now() - start).count();
}

// The value of the first member of that name, wherever it is; the frames of convd are made by one hand.
std::string_view member(std::string_view json, std::string_view name) {
  const std::string key = "\"" + std::string(name) + "\":";
  const auto at = json.find(key);
  if (at == std::string_view::npos) throw std::runtime_error("no " + key + " in " + std::string(json));
  json.remove_prefix(at + key.size());
  if (!json.starts_with('"')) return json.substr(0, json.find_first_of(",}"));
  return json.substr(1, json.find('"', 1) - 1);
}

std::int64_t number_in(std::string_view json, std::string_view name) {
  const std::string_view digits = member(json, name);
  std::int64_t number = 0;
  std::from_chars(digits.data(), digits.data() + digits.size(), number);
  return number;
}

std::string hello_after(std::string hello, const std::string& epoch, std::int64_t seq) {
  hello.pop_back();
  return hello + R"(,"lastSeq":)" + std::to_string(seq) + R"(,"epoch":")" + epoch + "\"}";
}

// Readers that keep their position, and may be cut off.
class Readers final : public Subscriber::Observer {
 public:
  explicit Readers(std::size_t count) : positions(count) {}

  void on_live(Subscriber& subscriber, std::string_view ack) override {
    epoch = member(ack, "epoch");
    head = number_in(ack, "head");
    if (may_begin) positions[subscriber.index()] = head;
  }
  void on_event(Subscriber& subscriber, const Frame& frame) override {
    ++events;
    payload_size = frame.payload.size();
    positions[subscriber.index()] = number_in(frame.payload, "seq");
    if (is_timing) times.push_back(Clock::now() - stamp_in(frame.payload));
  }
  void on_closed(Subscriber&, Subscriber::State, const std::string& why) override {
    if (!may_be_cut_off) throw std::runtime_error("a reader: " + why);
  }
  bool all_at(std::int64_t seq) const {
    return std::all_of(positions.begin(), positions.end(), [&](std::int64_t position) { return position >= seq; });
  }

  std::string epoch;
  std::int64_t head = 0;  // at the last ack
  std::vector<std::int64_t> positions;
  std::uint64_t events = 0;
  std::size_t payload_size = 0;  // of the last event
  std::vector<std::chrono::nanoseconds> times;
  bool may_begin = true;
  bool may_be_cut_off = false;
  bool is_timing = false;
};

class StandardInput final : public Poller::Watcher {
 public:
  explicit StandardInput(Poller& poller) : poller_(poller) { poller_.add(STDIN_FILENO, EPOLLIN, *this); }
  ~StandardInput() { poller_.remove(STDIN_FILENO); }
  StandardInput(const StandardInput&) = delete;
  StandardInput& operator=(const StandardInput&) = delete;
  bool has_spoken() const { return spoken_; }
  const std::string& line() const { return line_; }

 private:
  void on_ready(std::uint32_t) override {
    char byte = 0;
    if (read(STDIN_FILENO, &byte, 1) <= 0) throw std::runtime_error("nobody says how to go on");
    spoken_ = byte == '\n';
    if (!spoken_) line_ += byte;
  }

  Poller& poller_;
  std::string line_;
  bool spoken_ = false;
};

void publish_many(Load& load, std::size_t count) {
  const auto publisher = load.new_publisher();
  while (count-- > 0) load.publish(*publisher);
  load.await_answers(*publisher);
}

}  // namespace

void probe(Load& load) {
  Readers reader(1);
  Swarm swarm(load.poller, load.access, reader, 1);
  load.assemble(swarm);
  const auto publisher = load.new_publisher();
  load.publish(*publisher);
  load.await_answers(*publisher);
  load.run_until([&] { return reader.events > 0; }, "delivery");
  Report().add("payload_bytes", static_cast<double>(reader.payload_size)).print();
}

void fill(Load& load) {
  Readers reader(1);
  Swarm swarm(load.poller, load.access, reader, 1);
  load.assemble(swarm);
  const std::int64_t before = reader.head;
  const auto start = Clock::now();
  publish_many(load, load.count("events"));
  const double ms = ms_since(start);
  load.run_until([&] { return reader.events >= load.count("events"); }, "delivery");
  Report()
      .add("epoch", reader.epoch)
      .add("before", static_cast<double>(before))
      .add("after", static_cast<double>(reader.positions[0]))
      .add("per_second", 1000.0 * load.number("events") / ms)
      .print();
}

void replay(Load& load) {
  const auto through = static_cast<std::int64_t>(load.number("through"));
  Readers reader(1);
  reader.may_begin = false;
  Swarm swarm(load.poller, load.access, reader, 1);
  swarm.members()[0]->say_first(
      hello_after(load.access.hello, load.text("epoch"), static_cast<std::int64_t>(load.number("after"))));
  std::vector<std::chrono::nanoseconds> times;
  const double cpu = load.usage.cpu_seconds();
  for (std::size_t round = 0; round < load.count("rounds"); ++round) {
    swarm.rewind();
    reader.positions[0] = 0;
    const auto start = Clock::now();
    load.assemble(swarm);
    load.run_until([&] { return reader.all_at(through); }, "replay");
    times.push_back(Clock::now() - start);
  }
  const auto best = *std::min_element(times.begin(), times.end());
  const double first_ms = std::chrono::duration<double, std::milli>(times.front()).count();
  Report()
      .add("events", static_cast<double>(reader.events) / load.number("rounds"))
      .add("first_ms", first_ms)
      .add("best_ms", std::chrono::duration<double, std::milli>(best).count())
      .add("us_per_event", (load.usage.cpu_seconds() - cpu) * 1e6 / static_cast<double>(reader.events))
      .add_times("replay", std::move(times))
      .print();
}

// Prints {"phase":"connected"} and waits for a line on standard input: the pids of the server that has been started
// again.
void herd(Load& load) {
  Readers herd(load.count("subscribers"));
  Swarm swarm(load.poller, load.access, herd, load.count("subscribers"));
  load.assemble(swarm);
  publish_many(load, 1);
  load.run_until([&] { return herd.events >= load.count("subscribers"); }, "delivery");
  herd.may_be_cut_off = true;
  Report().add("phase", "connected").print();
  {
    StandardInput driver(load.poller);
    load.run_until([&] { return driver.has_spoken(); }, "the server's restart", std::chrono::seconds(120));
    load.watch(driver.line());
  }
  swarm.rewind();
  herd.may_begin = herd.may_be_cut_off = false;
  for (auto& member : swarm.members())
    member->say_first(hello_after(load.access.hello, herd.epoch, herd.positions[member->index()]));

  Readers others(load.count("others"));
  Swarm calm(load.poller, load.access, others, load.count("others"));
  load.assemble(calm);
  publish_many(load, load.count("events"));
  load.run_until([&] { return others.events >= load.count("events") * load.count("others"); }, "delivery");
  others.is_timing = true;
  const auto publisher = load.new_publisher();
  Pace pace(load.number("rate"));
  const auto round = [&] {
    while (pace.is_due()) load.publish(*publisher);
    publisher->flush();
    load.poller.wait(std::min(pace.until_due(), std::chrono::milliseconds(10)));
  };
  const auto end = Clock::now() + load.seconds("seconds");
  while (Clock::now() < end) round();

  Report report;
  report.add_times("others_before", std::exchange(others.times, {}));
  const std::int64_t target = *std::max_element(others.positions.begin(), others.positions.end());
  const auto start = Clock::now();
  std::optional<double> all_live_ms;
  const double cpu = load.usage.cpu_seconds();
  while (!herd.all_at(target)) {
    swarm.connect_some(load.count("subscribers"));
    round();
    if (swarm.all_live() && !all_live_ms) all_live_ms = ms_since(start);
    if (ms_since(start) > 60'000) throw std::runtime_error("the herd takes too long");
  }
  const double current_ms = ms_since(start);
  report.add("all_acked_ms", all_live_ms.value_or(current_ms))
      .add("all_current_ms", current_ms)
      .add("server_cpu_ms", (load.usage.cpu_seconds() - cpu) * 1000);
  const auto after = Clock::now() + std::chrono::milliseconds(500);  // what was on its way when the herd came
  while (Clock::now() < after) round();
  report.add("rss_kib", load.usage.rss_kib()).add_times("others_during", std::move(others.times)).print();
}

}  // namespace fanout
