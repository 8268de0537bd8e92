#include <memory>

#include "convctl/commands.h"
#include "convctl/watch_run.h"

namespace convctl {
namespace {

Run set_up(CLI::App& command, Show show) {
  auto ids = std::make_shared<std::vector<std::string>>();
  command.add_option("ids", *ids, "Conversions")->required()->type_name("ID");
  return [ids, show](Session& session) { return watch_all(session, *ids, show); };
}

}  // namespace

Run set_up_watch(CLI::App& command) {
  return set_up(command, Show::live);
}

Run set_up_wait(CLI::App& command) {
  return set_up(command, Show::nothing);
}

}  // namespace convctl
