#include "convd/events/filter.h"

#include <algorithm>
#include <optional>

namespace convd::events {
namespace {

constexpr std::size_t longest_subject = 255;

constexpr std::uint32_t bit_of(shared::Service service) {
  return 1U << static_cast<unsigned>(service);
}

std::optional<Topic> topic_from(std::string_view name) {
  const auto colon = name.find(':');
  const auto service = shared::service_from(name.substr(0, colon));
  if (!service) return std::nullopt;
  if (colon == std::string_view::npos) return Topic{*service, {}};
  const std::string_view subject = name.substr(colon + 1);
  if (*service != shared::Service::conversion || subject.empty() || subject.size() > longest_subject)
    return std::nullopt;
  return Topic{*service, std::string(subject)};
}

}  // namespace

std::string to_text(const Topic& topic) {
  const std::string name(shared::to_string(topic.service));
  return topic.subject.empty() ? name : name + ":" + topic.subject;
}

Filter::Parsed Filter::parse(const std::vector<std::string>& names) {
  Parsed parsed;
  auto& topics = parsed.filter.topics_;
  for (const std::string& name : names) {
    if (auto topic = topic_from(name)) {
      topics.push_back(*std::move(topic));
    } else {
      parsed.rejected.push_back(name);
    }
  }
  std::sort(topics.begin(), topics.end());
  topics.erase(std::unique(topics.begin(), topics.end()), topics.end());
  for (const Topic& topic : topics) {
    if (topic.subject.empty()) parsed.filter.whole_ |= bit_of(topic.service);
  }
  return parsed;
}

bool Filter::matches(shared::Service service, std::string_view subject) const {
  if ((whole_ & bit_of(service)) != 0) return true;
  return std::any_of(topics_.begin(), topics_.end(), [&](const Topic& topic) {
    return topic.service == service && !topic.subject.empty() && topic.subject == subject;
  });
}

}  // namespace convd::events
