// What operators ask of the daemon: pause, drain, resume, reload, log-level.

#include <memory>

#include "convctl/commands.h"
#include "convctl/json_text.h"

namespace convctl {
namespace {

constexpr std::chrono::milliseconds drain_poll{200};

shared::Json ask(Session& session, const std::string& verb, const shared::Json& body = shared::Json::object()) {
  return session.client().ask_json({.method = "POST",
                                    .target = "/v1/control/" + verb,
                                    .headers = {{"Content-Type", "application/json"}},
                                    .body = body.dump()});
}

std::string meaning(const shared::JsonReader& state) {
  const std::string name = text_at(state, "state");
  if (name == "paused") return "paused: new work is accepted, and waits";
  if (name == "running") return "running: new work is accepted and started";
  if (name != "draining") return name;
  return flag_at(state, "idle") ? "drained: nothing runs, nothing new is accepted"
                                : "draining: what runs may finish, nothing new is accepted";
}

Exit show(Session& session, const shared::Json& state) {
  if (session.globals().json) {
    session.print_json(state.clone(), "control");
    return Exit::ok;
  }
  const auto json = state.read();
  session.print(meaning(json) + "; " + text_at(json, "running") + " running, " + text_at(json, "waiting") +
                " waiting\n");
  return Exit::ok;
}

void pause_for(Session& session, std::chrono::milliseconds delay) {
  bool over = false;
  const auto timer = session.client().loop().after(delay, [&] { over = true; });
  session.client().loop().run_until([&] { return over; });
}

Exit run_drain(Session& session, bool wait) {
  shared::Json state = ask(session, "drain");
  if (!wait) return show(session, state);
  if (!flag_at(state.read(), "idle"))
    session.remark("draining: waiting for " + text_at(state.read(), "running") + " conversion(s)");
  while (!flag_at(state.read(), "idle")) {
    pause_for(session, drain_poll);
    state = session.client().get_json("/v1/control");
    if (text_at(state.read(), "state") != "draining")
      throw Failure{Exit::try_later, "another operator has asked for something else before convd was drained", ""};
  }
  return show(session, state);
}

void show_keys(Session& session, const shared::JsonReader& answer, std::string_view list, const std::string& title,
               const std::string& before) {
  for (const auto& change : items_at(answer, list)) {
    session.print(printable(title + text_at(change, "key") + " = " + text_at(change, "to") + " (" + before +
                            text_at(change, "from") + ")") +
                  "\n");
  }
}

Exit run_reload(Session& session) {
  shared::Json answer = [&] {
    try {
      return ask(session, "reload");
    } catch (Failure& failure) {
      if (failure.code != "invalid_option") throw;
      failure.exit = Exit::config;
      failure.hint = "nothing has changed; convd --check-config checks a file before it is used";
      throw;
    }
  }();
  if (session.globals().json) {
    session.print_json(std::move(answer), "reload");
    return Exit::ok;
  }
  const auto json = answer.read();
  show_keys(session, json, "changed", "changed: ", "was ");
  show_keys(session, json, "needs_restart", "needs a restart: ", "in force is ");
  if (items_at(json, "changed").empty() && items_at(json, "needs_restart").empty()) session.print("nothing differs\n");
  return Exit::ok;
}

Exit run_log_level(Session& session, const std::string& level) {
  const shared::Json state = level.empty() ? session.client().get_json("/v1/control")
                                           : ask(session, "log-level", shared::Json::object().set("level", level));
  if (session.globals().json) {
    session.print_json(state.clone(), "control");
  } else {
    session.print(text_at(state.read(), "log_level") + "\n");
  }
  return Exit::ok;
}

}  // namespace

Run set_up_drain(CLI::App& command) {
  auto wait = std::make_shared<bool>(false);
  command.add_flag("--wait", *wait, "Return when nothing runs any more");
  return [wait](Session& session) { return run_drain(session, *wait); };
}

Run set_up_pause(CLI::App&) {
  return [](Session& session) { return show(session, ask(session, "pause")); };
}

Run set_up_resume(CLI::App&) {
  return [](Session& session) { return show(session, ask(session, "resume")); };
}

Run set_up_reload(CLI::App&) {
  return run_reload;
}

Run set_up_log_level(CLI::App& command) {
  auto level = std::make_shared<std::string>();
  command.add_option("level", *level, "trace, debug, info, warn or error; none: show it")->type_name("LEVEL");
  return [level](Session& session) { return run_log_level(session, *level); };
}

}  // namespace convctl
