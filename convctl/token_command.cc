// Tokens: made by the daemon, which keeps the key; looked into here, without a key.

#include <fcntl.h>

#include <chrono>
#include <memory>

#include "convctl/commands.h"
#include "convctl/duration.h"
#include "convctl/endpoint.h"
#include "convctl/json_text.h"
#include "convctl/output_file.h"
#include "shared/base64url.h"
#include "shared/time.h"

namespace convctl {
namespace {

using shared::Json;
using shared::JsonReader;

constexpr std::size_t file_limit_bytes = std::size_t{64} << 10;
constexpr double last_second = 253'402'300'799;  // of the year 9999

struct TokenArguments {
  std::string action;
  std::string file;
  std::string subject;
  std::string org;
  std::string scope;
  std::string expires;
  std::string key_id;
};

// Nothing but the token is printed, so that it can go straight into a file.
Exit create(Session& session, const TokenArguments& arguments) {
  if (arguments.subject.empty()) throw Failure{Exit::usage, "--sub: whom the token is for is required", ""};
  Json body = Json::object();
  body.set("sub", arguments.subject);
  if (!arguments.org.empty()) body.set("org", arguments.org);
  if (!arguments.scope.empty()) body.set("scope", arguments.scope);
  if (!arguments.key_id.empty()) body.set("kid", arguments.key_id);
  if (const auto life = duration_from("--expires", arguments.expires))
    body.set("expires_s", std::chrono::duration_cast<std::chrono::seconds>(*life).count());
  Json answer = session.client().ask_json({.method = "POST",
                                           .target = "/v1/tokens",
                                           .headers = {{"Content-Type", "application/json"}},
                                           .body = body.dump()});
  if (session.globals().json)
    session.print_json(std::move(answer), "token");
  else
    session.print(text_at(answer.read(), "token") + "\n");
  return Exit::ok;
}

std::string all_of(const FileDescriptor& file) {
  std::string text(file_limit_bytes, '\0');
  const ssize_t got = pread(file.get(), text.data(), text.size(), 0);
  if (got < 0) throw Failure{Exit::io_error, "cannot read the token", ""};
  text.resize(static_cast<std::size_t>(got));
  return text;
}

std::string read_token(const std::string& path) {
  const FileDescriptor file =
      path.empty() || path == "-" ? spool_stdin(-1) : FileDescriptor(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (file.get() < 0)
    throw Failure{Exit::no_input, "there is no such file that can be read", "a token is never an argument"};
  const auto token = token_in(all_of(file));
  if (!token) throw Failure{Exit::input_rejected, "there is no token in it", ""};
  return *token;
}

// Without a word of the token: what is wrong with it may be that it is a password.
[[noreturn]] void no_token() {
  throw Failure{Exit::input_rejected, "this is no JSON Web Token", ""};
}

Json part_of(const std::string& text) {
  const auto bytes = shared::from_base64url(text);
  if (!bytes) no_token();
  auto json = Json::parse(*bytes);
  if (!json || !json->read().is_object()) no_token();
  return *std::move(json);
}

std::optional<std::int64_t> time_ms(const JsonReader& claims, std::string_view name) {
  const auto member = claims.find(name);
  if (!member) return std::nullopt;
  const auto seconds = member->number();
  if (!seconds || !(*seconds >= 0) || *seconds > last_second) return std::nullopt;
  return static_cast<std::int64_t>(*seconds * 1000);
}

std::string state_of(const JsonReader& claims) {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  const std::int64_t now_ms = std::chrono::duration_cast<std::chrono::milliseconds>(now).count();
  const auto end_ms = time_ms(claims, "exp");
  if (!end_ms) return "without an end: no convd accepts it";
  if (*end_ms <= now_ms) return "expired";
  if (time_ms(claims, "nbf").value_or(0) > now_ms) return "not valid yet";
  return "within its time";
}

Json times_of(const JsonReader& claims) {
  Json times = Json::object();
  constexpr std::pair<const char*, const char*> names[] = {
      {"iat", "issued_at"}, {"nbf", "not_before"}, {"exp", "expires_at"}};
  for (const auto& [claim, name] : names) {
    const auto ms = time_ms(claims, claim);
    times.set(name, ms ? Json(shared::to_rfc3339(*ms)) : Json());
  }
  return times;
}

Exit inspect(Session& session, const std::string& path) {
  const std::string token = read_token(path);
  const auto first = token.find('.');
  const auto second = first == std::string::npos ? first : token.find('.', first + 1);
  if (second == std::string::npos || token.find('.', second + 1) != std::string::npos) no_token();
  Json header = part_of(token.substr(0, first));
  Json claims = part_of(token.substr(first + 1, second - first - 1));
  Json times = times_of(claims.read());
  const std::string state = state_of(claims.read());
  if (session.globals().json) {
    Json all = Json::object();
    all.set("header", std::move(header)).set("claims", std::move(claims)).set("times", std::move(times));
    session.print_json(std::move(all.set("state", state)), "token-contents");
    return Exit::ok;
  }
  std::string text = "header: " + header.dump() + "\nclaims: " + claims.dump() + "\n";
  const auto members = times.read().members().value();
  for (const auto& [name, time] : members) {
    if (time.is_string()) text += name + ": " + time.string().value() + "\n";
  }
  session.print(escape_controls(text) + "state: " + state + " (the signature has not been looked at)\n");
  return Exit::ok;
}

}  // namespace

Run set_up_token(CLI::App& command) {
  auto arguments = std::make_shared<TokenArguments>();
  command.add_option("action", arguments->action, "create or inspect")->required()->type_name("ACTION");
  command.add_option("file", arguments->file, "inspect: a file with the token; none: standard input")
      ->type_name("FILE");
  command.add_option("--sub", arguments->subject, "create: whom it is for")->type_name("NAME");
  command.add_option("--org", arguments->org, "create: whose documents; the same as --sub when not given")
      ->type_name("NAME");
  command
      .add_option("--scope", arguments->scope, "create: words of convert, read, admin; 'convert read' when not given")
      ->type_name("WORDS");
  command.add_option("--expires", arguments->expires, "create: how long it is good; 1h when not given")
      ->type_name("DURATION");
  command.add_option("--kid", arguments->key_id, "create: the key it is signed with; the first when not given")
      ->type_name("ID");
  return [arguments](Session& session) {
    if (arguments->action == "create" && arguments->file.empty()) return create(session, *arguments);
    if (arguments->action == "inspect") return inspect(session, arguments->file);
    throw Failure{Exit::usage, "token: expected create, or inspect [FILE]", "a token is never an argument"};
  };
}

}  // namespace convctl
