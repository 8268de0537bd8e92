#include "convd/realtime/system_news.h"

#include "shared/json.h"

namespace convd::realtime {
namespace {

constexpr auto service = shared::Service::system;

}  // namespace

void SystemNews::tell(const std::string& type, const std::string& subject, const std::string& message) {
  shared::Json json = shared::Json::object();
  json.set("message", message);
  for (const std::string& org : sink_.listening_orgs(service)) {
    sink_.offer({org, service, type, subject, json.dump()});
  }
}

}  // namespace convd::realtime
