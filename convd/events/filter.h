#pragma once
// What a reader wants to hear: whole services, and single subjects of one. Pure.

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "convd/events/event.h"

namespace convd::events {

// A service, or one subject of it ("conversion:{id}").
struct Topic {
  shared::Service service = shared::Service::conversion;
  std::string subject;  // empty: all
  auto operator<=>(const Topic&) const = default;
};
std::string to_text(const Topic& topic);

class Filter {
 public:
  struct Parsed;
  static constexpr std::size_t most_services = 128;

  // Names as a client gives them. Those that mean nothing are handed back in `rejected`; a subject is possible for
  // `conversion` only.
  static Parsed parse(const std::vector<std::string>& names);

  bool matches(const Event& event) const { return matches(event.service, event.subject); }
  bool matches(shared::Service service, std::string_view subject) const;
  const std::vector<Topic>& topics() const { return topics_; }  // each once, in order
  bool operator==(const Filter&) const = default;

 private:
  std::uint32_t whole_ = 0;  // bit n: service n
  std::vector<Topic> topics_;
};

struct Filter::Parsed {
  Filter filter;
  std::vector<std::string> rejected;
};

}  // namespace convd::events
