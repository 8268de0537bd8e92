#include <functional>
#include <memory>

#include "convctl/commands.h"
#include "convctl/receipt_text.h"
#include "convctl/table.h"
#include "shared/receipt.h"

namespace convctl {
namespace {

const Row header{"ID", "STATUS", "PROGRESS", "FROM", "TO", "FILE", "CREATED", "MESSAGE"};

Row row_of(const shared::StatusObject& object) {
  Task task;
  task.phase = object.status == shared::Status::completed ? Phase::done : Phase::converting;
  task.status = object;
  const std::string percent = percent_text(task);
  return {object.id,
          std::string(shared::to_string(object.status)),
          percent.empty() ? "-" : percent,
          object.from,
          object.to,
          object.filename,
          object.created_at,
          object.error.value_or(object.message)};
}

struct Page {
  std::vector<shared::StatusObject> objects;
  std::string next;
};

Page page_from(const shared::Json& json) {
  const auto wrong = [](const std::string& why) {
    return Failure{Exit::protocol, "convd's answer is not a list of conversions: " + why, ""};
  };
  Page page;
  const auto list = json.read().at("conversions");
  if (!list) throw wrong(list.error().message);
  const auto items = list->items();
  if (!items) throw wrong(items.error().message);
  for (const auto& item : *items) {
    auto object = shared::status_object_from(item);
    if (!object) throw wrong(object.error().message);
    page.objects.push_back(*std::move(object));
  }
  if (const auto next = json.read().find("next")) {
    if (const auto text = next->string()) page.next = *text;
  }
  return page;
}

struct Query {
  std::string status;
  std::string filename;
  int limit = 20;
  bool all = false;
};

std::vector<shared::StatusObject> list(Session& session, const Query& query) {
  std::vector<shared::StatusObject> found;
  std::string before;
  do {
    const std::size_t wanted =
        query.all ? 100 : std::min<std::size_t>(100, static_cast<std::size_t>(query.limit) - found.size());
    std::string target = "/v1/conversions?limit=" + std::to_string(wanted);
    if (!query.status.empty()) target += "&status=" + url_encode(query.status);
    if (!query.filename.empty()) target += "&filename=" + url_encode(query.filename);
    if (!before.empty()) target += "&before=" + url_encode(before);
    Page page = page_from(session.client().get_json(target));
    if (page.next == before && !before.empty())
      throw Failure{Exit::protocol, "convd's list of conversions does not advance", ""};
    before = page.objects.empty() ? "" : page.next;
    std::move(page.objects.begin(), page.objects.end(), std::back_inserter(found));
  } while (!before.empty() && (query.all || found.size() < static_cast<std::size_t>(query.limit)));
  return found;
}

void show(Session& session, const std::vector<shared::StatusObject>& objects) {
  if (session.globals().json) {
    shared::Json array = shared::Json::array();
    for (const auto& object : objects) array.push(shared::to_json(object));
    return session.print_json(std::move(shared::Json::object().set("conversions", std::move(array))), "conversions");
  }
  if (session.globals().quiet) {
    std::string text;
    for (const auto& object : objects) text += object.id + "\n";
    return session.print(text);
  }
  std::vector<Row> rows;
  for (const auto& object : objects) rows.push_back(row_of(object));
  session.print(render_table(header, rows, session.out()));
}

void show_receipt(Session& session, const std::string& id) {
  const shared::Json json = session.client().get_json(conversion_target(id) + "/receipt");
  if (session.globals().json) return session.print_json_line(json.clone(), "receipt");
  const auto receipt = shared::receipt_from(json.read());
  if (!receipt) throw Failure{Exit::protocol, "convd's answer is not a receipt: " + receipt.error().message, ""};
  session.print(receipt_text(*receipt));
}

// `show` for every id; what fails for one of them is told, and the others follow.
Exit for_every(Session& session, const std::vector<std::string>& ids,
               const std::function<void(const std::string&)>& show_one) {
  std::vector<Exit> exits;
  for (const std::string& id : ids) {
    try {
      show_one(id);
      exits.push_back(Exit::ok);
    } catch (const Failure& failure) {
      if (failure.exit == Exit::unavailable || failure.exit >= Exit::timeout) throw;
      session.complain(failure, id);
      exits.push_back(failure.exit);
    }
  }
  return combine(exits);
}

Exit run_status(Session& session, const std::vector<std::string>& ids) {
  if (ids.empty()) {
    show(session, list(session, {.status = "", .filename = "", .limit = 10, .all = false}));
    return Exit::ok;
  }
  std::vector<shared::StatusObject> objects;
  const Exit exit = for_every(session, ids, [&](const std::string& id) {
    objects.push_back(session.client().ask_status({.target = conversion_target(id)}));
  });
  if (session.globals().json && ids.size() == 1) {
    if (!objects.empty()) session.print_json(shared::to_json(objects.front()), "conversion");
  } else {
    show(session, objects);
  }
  return exit;
}

}  // namespace

Run set_up_status(CLI::App& command) {
  struct Flags {
    std::vector<std::string> ids;
    bool receipt = false;
  };
  auto flags = std::make_shared<Flags>();
  command.add_option("ids", flags->ids, "Conversions; none: the last ten")->type_name("ID");
  command.add_flag("--receipt", flags->receipt, "What really happened: route, times, memory, pages, fonts, links");
  return [flags](Session& session) {
    if (!flags->receipt) return run_status(session, flags->ids);
    if (flags->ids.empty()) throw Failure{Exit::usage, "--receipt needs the id of a conversion", ""};
    return for_every(session, flags->ids, [&](const std::string& id) { show_receipt(session, id); });
  };
}

Run set_up_ls(CLI::App& command) {
  auto query = std::make_shared<Query>();
  command.add_option("--status", query->status, "Only pending, processing, completed, error or cancelled")
      ->type_name("STATUS");
  command.add_option("--filename", query->filename, "Only of this document")->type_name("NAME");
  command.add_option("--limit", query->limit, "At most so many (20)")->check(CLI::Range(1, 1'000'000))->type_name("N");
  command.add_flag("--all", query->all, "All of them");
  return [query](Session& session) {
    if (!query->status.empty() && !shared::status_from(query->status)) {
      throw Failure{Exit::usage,
                    "--status " + query->status + ": expected pending, processing, completed, error or cancelled", ""};
    }
    show(session, list(session, *query));
    return Exit::ok;
  };
}

}  // namespace convctl
