#include <algorithm>
#include <memory>

#include "convctl/commands.h"
#include "convctl/json_text.h"
#include "convctl/output_file.h"
#include "convctl/table.h"

namespace convctl {
namespace {

// Of standard input; more than any note the daemon takes.
constexpr std::size_t note_limit_bytes = std::size_t{64} << 10;

std::string all_of_stdin(Session& session) {
  const FileDescriptor file = spool_stdin(session.client().loop().signal_fd());
  std::string text(note_limit_bytes + 1, '\0');
  const ssize_t got = pread(file.get(), text.data(), text.size(), 0);
  if (got < 0) throw Failure{Exit::io_error, "cannot read standard input", ""};
  text.resize(static_cast<std::size_t>(got));
  if (text.size() > note_limit_bytes) throw Failure{Exit::usage, "the note is too long", "4000 characters at most"};
  return text;
}

Exit run_note(Session& session, const std::string& id, const std::string& argument) {
  const std::string text = argument == "-" ? all_of_stdin(session) : argument;
  HttpRequest request{.method = "POST", .target = conversion_target(id) + "/notes"};
  request.headers.emplace_back("Content-Type", "application/json");
  request.body = shared::Json::object().set("text", text).dump();
  shared::Json note = session.client().ask_json(std::move(request));
  const std::string note_id = text_at(note.read(), "id");
  if (session.globals().json)
    session.print_json_line(std::move(note), "note");
  else if (!session.globals().quiet)
    session.print(note_id + "\n");
  return Exit::ok;
}

// A list of the daemon: as it is, as bare names, or as a table.
Exit show_list(Session& session, shared::Json document, const char* kind, const Row& header,
               const std::vector<const char*>& keys) {
  if (session.globals().json) {
    session.print_json(std::move(document), kind);
    return Exit::ok;
  }
  std::vector<Row> rows;
  std::string names;
  for (const shared::JsonReader& item : items_at(document.read(), kind)) {
    Row& row = rows.emplace_back();
    for (const char* key : keys) {
      std::string cell = text_at(item, key);
      std::replace(cell.begin(), cell.end(), '\n', ' ');
      row.push_back(std::move(cell));
    }
    names += printable(row.front()) + "\n";
  }
  session.print(session.globals().quiet ? names : render_table(header, rows, session.out()));
  return Exit::ok;
}

}  // namespace

Run set_up_note(CLI::App& command) {
  auto arguments = std::make_shared<std::pair<std::string, std::string>>();
  command.add_option("id", arguments->first, "The conversion")->required()->type_name("ID");
  command.add_option("text", arguments->second, "What to say, or - for standard input")->required()->type_name("TEXT");
  return [arguments](Session& session) { return run_note(session, arguments->first, arguments->second); };
}

Run set_up_notes(CLI::App& command) {
  auto id = std::make_shared<std::string>();
  command.add_option("id", *id, "The conversion")->required()->type_name("ID");
  return [id](Session& session) {
    return show_list(session, session.client().get_json(conversion_target(*id) + "/notes"), "notes",
                     {"ID", "CREATED", "AUTHOR", "TEXT"}, {"id", "created_at", "author", "text"});
  };
}

Run set_up_watchers(CLI::App& command) {
  auto id = std::make_shared<std::string>();
  command.add_option("id", *id, "The conversion")->required()->type_name("ID");
  return [id](Session& session) {
    return show_list(session, session.client().get_json(conversion_target(*id) + "/watchers"), "watchers",
                     {"PRINCIPAL", "CONNECTIONS"}, {"principal", "connections"});
  };
}

}  // namespace convctl
