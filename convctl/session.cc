#include "convctl/session.h"

#include <unistd.h>

#include "convctl/duration.h"
#include "convctl/json_text.h"
#include "convctl/naming.h"
#include "convctl/output_file.h"

namespace convctl {

Session::Session(const Globals& globals)
    : globals_(globals), out_(STDOUT_FILENO, globals.color), err_(STDERR_FILENO, globals.color) {}

Client& Session::client() {
  if (client_) return *client_;
  client_ = std::make_unique<Client>(with_token(find_endpoint(globals_.socket, globals_.url), globals_.token_file));
  const Endpoint& endpoint = client_->endpoint();
  if (!endpoint.token.empty() && endpoint.is_in_clear())
    warn("the token crosses the network in clear to " + endpoint.describe() + "; https:// would keep it secret");
  if (globals_.timeout) {
    timeout_ = client_->loop().after(*globals_.timeout, [this] {
      throw Failure{Exit::timeout, "not finished after " + format_duration(*globals_.timeout) + " (--timeout)", ""};
    });
  }
  return *client_;
}

std::chrono::milliseconds Session::interval() {
  constexpr int local_ms = 10;
  constexpr int remote_ms = 200;
  if (globals_.interval_ms > 0) return std::chrono::milliseconds(globals_.interval_ms);
  return std::chrono::milliseconds(client().endpoint().is_unix() ? local_ms : remote_ms);
}

void Session::use_socket(const std::string& path) {
  timeout_.reset();
  client_.reset();
  globals_.url.clear();
  globals_.token_file.clear();
  globals_.socket = path;
}

void Session::print(std::string_view text) {
  write_stream(STDOUT_FILENO, text, client_ ? client_->loop().signal_fd() : -1);
}

void Session::refuse_binary(const std::string& extension) const {
  if (!out_.is_tty() || is_text_format(extension)) return;
  throw Failure{Exit::usage, "standard output is a terminal, and a result of this kind is binary",
                "use -o FILE, or redirect it"};
}

void Session::print_json(shared::Json object, std::string_view kind) {
  object.set("schema", "convctl.v1/" + std::string(kind));
  print(escape_controls(out_.is_tty() ? object.pretty() : object.dump()) + "\n");
}

void Session::print_json_line(shared::Json object, std::string_view kind) {
  object.set("schema", "convctl.v1/" + std::string(kind));
  print(escape_controls(object.dump()) + "\n");
}

void Session::complain(const Failure& failure, const std::string& subject) {
  std::string text = err_.paint(Color::red, "convctl:") + " " + (subject.empty() ? "" : printable(subject) + ": ") +
                     printable(failure.message) + "\n";
  if (!failure.hint.empty()) text += "  " + printable(failure.hint) + "\n";
  err_.write(text);
}

void Session::warn(const std::string& text) {
  err_.write(err_.paint(Color::yellow, "convctl:") + " " + printable(text) + "\n");
}

void Session::remark(const std::string& text) {
  if (!globals_.quiet) err_.write("convctl: " + printable(text) + "\n");
}

}  // namespace convctl
