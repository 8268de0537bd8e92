#include "convctl/endpoint.h"

#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <charconv>
#include <cstdlib>
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
  throw Failure{Exit::usage, "--url " + url + ": " + why, "expected http://HOST[:PORT][/PATH]"};
}

int port_from(const std::string& url, std::string_view text) {
  int port = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  if (error != std::errc() || end != text.data() + text.size() || port < 1 || port > 65535) bad_url(url, "not a port");
  return port;
}

}  // namespace

std::string Endpoint::host_header() const {
  if (is_unix()) return "localhost";
  const std::string name = host.find(':') == std::string::npos ? host : "[" + host + "]";
  return port == 80 ? name : name + ":" + std::to_string(port);
}

std::string Endpoint::describe() const {
  return is_unix() ? "socket " + socket_path : "http://" + host_header() + base_path;
}

Endpoint endpoint_from_url(const std::string& url) {
  std::string_view rest = url;
  if (rest.starts_with("https://")) {
    bad_url(url, "TLS is not spoken by this release; reach a TLS proxy through a tunnel, or use the Unix socket");
  }
  if (!rest.starts_with("http://")) bad_url(url, "unknown scheme");
  rest.remove_prefix(7);
  if (rest.find_first_of("?#@\r\n \t") != std::string_view::npos)
    bad_url(url, "user, query and fragment are not allowed");
  Endpoint endpoint;
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
  endpoint.port = port.empty() ? 80 : port_from(url, port.substr(1));
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
