#include "tests/bench/fanout/load.h"

#include <sstream>
#include <stdexcept>

namespace fanout {
namespace {

Access access_from(const Options& options) {
  return {.target = target_from(options.at("target").value),
          .path = options.at("path").value,
          .hello = options.at("hello").value,
          .offer = options.at("deflate").value == "1" ? Offer::deflate : Offer::nothing};
}

std::vector<int> numbers_in(const std::string& list) {
  std::vector<int> numbers;
  std::istringstream items(list);
  for (std::string item; std::getline(items, item, ',');) numbers.push_back(std::stoi(item));
  return numbers;
}

}  // namespace

Load::Load(const Options& options)
    : access(access_from(options)), usage(numbers_in(options.at("pids").value)), options_(options) {
  raise_descriptor_limit();
}

std::chrono::milliseconds Load::seconds(const std::string& option) const {
  return std::chrono::milliseconds(static_cast<std::int64_t>(number(option) * 1000));
}

void Load::watch(const std::string& pids) {
  usage = Usage(numbers_in(pids));
}

std::unique_ptr<Publisher> Load::new_publisher() {
  return publisher_for(text("publish"), poller, access.target, count("publishers"));
}

void Load::publish(Publisher& publisher) {
  publisher.publish(stamped_text(count("size")));
}

void Load::assemble(Swarm& swarm) {
  run_until(
      [&] {
        swarm.connect_some(count("parallel"));
        return swarm.all_live();
      },
      "connecting");
}

void Load::await_answers(Publisher& publisher) {
  run_until(
      [&] {
        publisher.flush();
        return publisher.unanswered() == 0;
      },
      "publishing");
}

void Load::give_up(const char* what) {
  throw std::runtime_error(std::string(what) + " takes too long");
}

Pace::Pace(double per_second)
    : step_(std::chrono::nanoseconds(static_cast<std::int64_t>(1e9 / per_second))), next_(Clock::now()) {}

bool Pace::is_due() {
  if (Clock::now() < next_) return false;
  next_ += step_;
  return true;
}

std::chrono::milliseconds Pace::until_due() const {
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(next_ - Clock::now());
  return std::max(left, std::chrono::milliseconds(0));
}

void Audience::on_closed(Subscriber& subscriber, Subscriber::State, const std::string& why) {
  throw std::runtime_error("subscriber " + std::to_string(subscriber.index()) + ": " + why);
}

}  // namespace fanout
