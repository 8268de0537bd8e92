#include <filesystem>
#include <memory>

#include "convctl/commands.h"
#include "convctl/naming.h"
#include "convctl/output_file.h"
#include "convctl/watch_run.h"

namespace convctl {
namespace {

struct ResultFlags {
  std::string id;
  std::string output;
  std::string part;
  bool force = false;
};

const shared::ResultFile& choose(const shared::StatusObject& object, const std::string& part) {
  if (!object.result) {
    const bool ended = is_terminal(object.status);
    throw Failure{
        ended ? Exit::no_input : Exit::try_later,
        ended ? "the conversion has no result: " + object.error.value_or(std::string(shared::to_string(object.status)))
              : "the conversion has not finished",
        ended ? "" : "wait for it: `convctl watch " + object.id + "`"};
  }
  if (part.empty()) return object.result->file;
  std::string names;
  for (const auto& file : object.result->parts) {
    if (file.name == part) return file;
    names += " " + file.name;
  }
  throw Failure{Exit::no_input, "the result has no part named " + part,
                names.empty() ? "it is one file" : "there are:" + names};
}

Exit run_result(Session& session, const ResultFlags& flags) {
  const shared::StatusObject object = session.client().ask_status({.target = conversion_target(flags.id)});
  const shared::ResultFile& file = choose(object, flags.part);
  HttpRequest request{.target = conversion_target(flags.id) + "/result" +
                                (flags.part.empty() ? "" : "/" + url_encode(flags.part))};
  if (flags.output == "-") {
    session.refuse_binary(extension_of(file.name));
    request.sink = [&](std::string_view bytes) { session.print(bytes); };
    session.client().ask(std::move(request));
    return Exit::ok;
  }
  std::error_code error;
  const bool directory = std::filesystem::is_directory(flags.output, error);
  const std::string name = safe_name(file.name);
  const std::string path = flags.output.empty() ? name
                           : directory          ? (std::filesystem::path(flags.output) / name).string()
                                                : flags.output;
  if (!flags.force && exists(path))
    throw Failure{Exit::cannot_create, path + " exists", "use --force to replace it, or -o"};
  OutputFile out(path);
  request.sink = [&](std::string_view bytes) { out.write(bytes); };
  session.client().ask(std::move(request));
  out.commit(path, flags.force ? Replace::yes : Replace::no);
  if (session.globals().json) {
    session.print_json(
        std::move(shared::Json::object().set("id", flags.id).set("output", path).set("sha256", file.sha256)), "result");
  } else {
    session.print(path + "\n");
  }
  return Exit::ok;
}

// The same request for every id; one that fails does not stop the others.
Exit for_each(Session& session, const std::vector<std::string>& ids,
              const std::function<void(const std::string&)>& step) {
  std::vector<Exit> exits;
  for (const std::string& id : ids) {
    try {
      step(id);
      exits.push_back(Exit::ok);
    } catch (const Failure& failure) {
      if (failure.exit == Exit::unavailable || failure.exit == Exit::io_error || failure.exit >= Exit::timeout) throw;
      session.complain(failure, id);
      exits.push_back(failure.exit);
    }
  }
  return combine(exits);
}

void tell(Session& session, const shared::StatusObject& object, const std::string& id) {
  if (session.globals().json) return session.print_json_line(shared::to_json(object), "conversion");
  if (!session.globals().quiet) session.print(id + "\n");
}

}  // namespace

Run set_up_result(CLI::App& command) {
  auto flags = std::make_shared<ResultFlags>();
  command.add_option("id", flags->id, "The conversion")->required()->type_name("ID");
  command
      .add_option("-o", flags->output,
                  "Where to save: a file, a directory, or - for standard output. Default: its own name, here")
      ->type_name("FILE");
  command.add_option("--part", flags->part, "One file of a result that has several; without it they come as a zip")
      ->type_name("NAME");
  command.add_flag("--force", flags->force, "Replace a file that exists");
  return [flags](Session& session) { return run_result(session, *flags); };
}

Run set_up_cancel(CLI::App& command) {
  auto ids = std::make_shared<std::vector<std::string>>();
  command.add_option("ids", *ids, "Conversions")->required()->type_name("ID");
  return [ids](Session& session) {
    return for_each(session, *ids, [&](const std::string& id) {
      tell(session, session.client().ask_status({.method = "POST", .target = conversion_target(id) + "/cancel"}), id);
    });
  };
}

Run set_up_retry(CLI::App& command) {
  struct Flags {
    std::vector<std::string> ids;
    bool watch = false;
  };
  auto flags = std::make_shared<Flags>();
  command.add_option("ids", flags->ids, "Conversions")->required()->type_name("ID");
  command.add_flag("--watch", flags->watch, "Follow the new ones to their end");
  return [flags](Session& session) {
    std::vector<std::string> made;
    const Exit exit = for_each(session, flags->ids, [&](const std::string& id) {
      const auto object = session.client().ask_status({.method = "POST", .target = conversion_target(id) + "/retry"});
      made.push_back(object.id);
      tell(session, object, object.id);
    });
    if (!flags->watch || made.empty()) return exit;
    const Exit fate = watch_all(session, made, Show::live);
    return exit == Exit::ok ? fate : combine({exit, fate});
  };
}

Run set_up_rm(CLI::App& command) {
  auto ids = std::make_shared<std::vector<std::string>>();
  command.add_option("ids", *ids, "Conversions; running ones are cancelled first")->required()->type_name("ID");
  return [ids](Session& session) {
    return for_each(session, *ids, [&](const std::string& id) {
      session.client().ask({.method = "DELETE", .target = conversion_target(id)});
      if (session.globals().json)
        session.print_json_line(std::move(shared::Json::object().set("id", id)), "removed");
      else if (!session.globals().quiet)
        session.print(id + "\n");
    });
  };
}

}  // namespace convctl
