#pragma once
// Where the daemon is: a Unix socket, or host and port over plain HTTP. Pure but for the environment. Any thread.

#include <string>

namespace convctl {

struct Endpoint {
  std::string socket_path;  // empty for TCP
  std::string host;
  int port = 0;
  std::string base_path;  // "/convd" of http://host/convd, without a slash at the end

  bool is_unix() const { return !socket_path.empty(); }
  // "socket /run/convd/convd.sock" or "http://127.0.0.1:8080".
  std::string describe() const;
  // The value of the Host header.
  std::string host_header() const;
};

// Throws Failure (usage) for anything but http://HOST[:PORT][/PATH].
Endpoint endpoint_from_url(const std::string& url);
Endpoint endpoint_from_socket(const std::string& path);
// Flags, then CONVD_URL, CONVD_SOCKET, then the user's socket when it exists, then the system's.
Endpoint find_endpoint(const std::string& socket_flag, const std::string& url_flag);

}  // namespace convctl
