#include <memory>

#include "convctl/commands.h"
#include "convctl/completion.h"

namespace convctl {

Run set_up_completion(CLI::App& command) {
  auto name = std::make_shared<std::string>();
  command.add_option("shell", *name, "bash, zsh or fish")->required()->type_name("SHELL");
  const CLI::App* app = command.get_parent();
  return [name, app](Session& session) {
    if (*name != "bash" && *name != "zsh" && *name != "fish") {
      throw Failure{Exit::usage, "completion " + *name + ": expected bash, zsh or fish", ""};
    }
    session.print(completion_script(*app, *name == "bash" ? Shell::bash : *name == "zsh" ? Shell::zsh : Shell::fish));
    return Exit::ok;
  };
}

}  // namespace convctl
