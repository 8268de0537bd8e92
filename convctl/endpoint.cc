#include "convctl/endpoint.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <fstream>
#include <string_view>

#include "convctl/failure.h"

namespace convctl {
namespace {

std::string environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

bool is_socket(const std::string& path) {
  struct stat info {};
  return stat(path.c_str(), &info) == 0 && S_ISSOCK(info.st_mode);
}

std::string user_socket() {
  const std::string runtime = environment("XDG_RUNTIME_DIR");
  if (!runtime.empty()) return runtime + "/convd/convd.sock";
  return "/tmp/convd-" + std::to_string(getuid()) + "/convd.sock";
}

[[noreturn]] void bad_url(const std::string& url, const std::string& why) {
  throw Failure{Exit::usage, "--url " + url + ": " + why, "expected http://HOST[:PORT][/PATH] or https://..."};
}

int port_from(const std::string& url, std::string_view text) {
  int port = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  if (error != std::errc() || end != text.data() + text.size() || port < 1 || port > 65535) bad_url(url, "not a port");
  return port;
}

constexpr std::string_view https = "https://";
constexpr std::string_view http = "http://";

int usual_port(bool tls) {
  return tls ? 443 : 80;
}

// By its name alone: what it resolves to is not known here.
bool is_this_machine(const std::string& host) {
  in_addr four{};
  in6_addr six{};
  if (inet_pton(AF_INET, host.c_str(), &four) == 1) return (ntohl(four.s_addr) >> 24) == IN_LOOPBACKNET;
  if (inet_pton(AF_INET6, host.c_str(), &six) == 1) return IN6_IS_ADDR_LOOPBACK(&six);
  return host == "localhost" || host.ends_with(".localhost");
}

constexpr std::size_t most_token_bytes = 8 << 10;

std::optional<std::string> token_in_file(const std::string& path) {
  std::ifstream file(path);
  if (!file) return std::nullopt;
  std::string text(most_token_bytes + 64, '\0');
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<std::size_t>(file.gcount()));
  return token_in(text);
}

}  // namespace

std::optional<std::string> token_in(std::string_view text) {
  constexpr std::string_view white = " \t\r\n";
  const auto first = text.find_first_not_of(white);
  if (first == std::string_view::npos) return std::nullopt;
  const std::string_view token = text.substr(first, text.find_last_not_of(white) - first + 1);
  const bool is_one = std::all_of(token.begin(), token.end(), [](char c) { return c > 0x20 && c < 0x7f; });
  return is_one && token.size() <= most_token_bytes ? std::optional(std::string(token)) : std::nullopt;
}

Endpoint with_token(Endpoint endpoint, const std::string& file_flag) {
  if (!file_flag.empty() && endpoint.is_unix())
    throw Failure{Exit::usage, "--token-file: over the Unix socket you are known without a token",
                  "give --url as well"};
  if (endpoint.is_unix()) return endpoint;
  if (!file_flag.empty()) {
    const auto token = token_in_file(file_flag);
    if (!token) throw Failure{Exit::usage, "--token-file " + file_flag + ": there is no token to be read", ""};
    endpoint.token = *token;
    endpoint.token_file = file_flag;
  } else if (const std::string given = environment("CONVD_TOKEN"); !given.empty()) {
    const auto token = token_in(given);
    if (!token) throw Failure{Exit::usage, "CONVD_TOKEN is no token", ""};
    endpoint.token = *token;
  }
  return endpoint;
}

std::string Endpoint::authorization() const {
  if (token.empty()) return "";
  return "Bearer " + (token_file.empty() ? token : token_in_file(token_file).value_or(token));
}

bool Endpoint::is_in_clear() const {
  return !is_unix() && !tls && !is_this_machine(host);
}

std::string Endpoint::host_header() const {
  if (is_unix()) return "localhost";
  const std::string name = host.find(':') == std::string::npos ? host : "[" + host + "]";
  return port == usual_port(tls) ? name : name + ":" + std::to_string(port);
}

std::string Endpoint::describe() const {
  return is_unix() ? "socket " + socket_path : std::string(tls ? https : http) + host_header() + base_path;
}

Endpoint endpoint_from_url(const std::string& url) {
  std::string_view rest = url;
  Endpoint endpoint;
  endpoint.tls = rest.starts_with(https);
  if (!endpoint.tls && !rest.starts_with(http)) bad_url(url, "unknown scheme");
  rest.remove_prefix(endpoint.tls ? https.size() : http.size());
  if (rest.find_first_of("?#@\r\n \t") != std::string_view::npos)
    bad_url(url, "user, query and fragment are not allowed");
  const auto slash = rest.find('/');
  if (slash != std::string_view::npos) endpoint.base_path = rest.substr(slash);
  while (endpoint.base_path.ends_with('/')) endpoint.base_path.pop_back();
  std::string_view authority = rest.substr(0, slash);
  std::string_view port;
  if (authority.starts_with('[')) {
    const auto close = authority.find(']');
    if (close == std::string_view::npos) bad_url(url, "missing ]");
    endpoint.host = authority.substr(1, close - 1);
    port = authority.substr(close + 1);
  } else {
    const auto colon = authority.find(':');
    endpoint.host = authority.substr(0, colon);
    if (colon != std::string_view::npos) port = authority.substr(colon);
  }
  if (endpoint.host.empty()) bad_url(url, "no host");
  if (!port.empty() && port.front() != ':') bad_url(url, "not a port");
  endpoint.port = port.empty() ? usual_port(endpoint.tls) : port_from(url, port.substr(1));
  return endpoint;
}

Endpoint endpoint_from_socket(const std::string& path) {
  if (path.empty()) throw Failure{Exit::usage, "--socket: the path is empty", ""};
  if (path.size() >= sizeof(sockaddr_un::sun_path)) {
    throw Failure{Exit::usage, "--socket " + path + ": longer than 107 bytes, the limit of Unix sockets", ""};
  }
  Endpoint endpoint;
  endpoint.socket_path = path;
  return endpoint;
}

Endpoint find_endpoint(const std::string& socket_flag, const std::string& url_flag) {
  if (!url_flag.empty()) return endpoint_from_url(url_flag);
  if (!socket_flag.empty()) return endpoint_from_socket(socket_flag);
  if (const std::string url = environment("CONVD_URL"); !url.empty()) return endpoint_from_url(url);
  if (const std::string path = environment("CONVD_SOCKET"); !path.empty()) return endpoint_from_socket(path);
  const std::string system = "/run/convd/convd.sock";
  if (getuid() == 0) return endpoint_from_socket(system);
  const std::string user = user_socket();
  return endpoint_from_socket(is_socket(system) && !is_socket(user) ? system : user);
}

}  // namespace convctl
