#pragma once
// Where the daemon is: a Unix socket, or host and port over HTTP, with or without TLS; and the token that is shown
// there. Pure but for the environment and the file of the token. Any thread.

#include <optional>
#include <string>
#include <string_view>

namespace convctl {

struct Endpoint {
  std::string socket_path;  // empty for TCP
  std::string host;         // a name or an address, without the brackets of an IPv6 one
  int port = 0;
  bool tls = false;
  std::string base_path;   // "/convd" of http://host/convd, without a slash at the end
  std::string token;       // only over TCP; may be empty
  std::string token_file;  // where a newer one may be

  bool is_unix() const { return !socket_path.empty(); }
  // Whether what is said there can be read by others on the way.
  bool is_in_clear() const;
  // "socket /run/convd/convd.sock" or "https://convert.example.org".
  std::string describe() const;
  // The value of the Host header.
  std::string host_header() const;
  // The value of the Authorization header, or nothing. The file is read each time: who replaces it needs no restart.
  std::string authorization() const;
};

// Throws Failure (usage) for anything but http(s)://HOST[:PORT][/PATH] (RFC 9110, section 4.2).
Endpoint endpoint_from_url(const std::string& url);
Endpoint endpoint_from_socket(const std::string& path);
// Flags, then CONVD_URL, CONVD_SOCKET, then the user's socket when it exists, then the system's.
Endpoint find_endpoint(const std::string& socket_flag, const std::string& url_flag);
// The endpoint with the token of the file of the flag, or else of CONVD_TOKEN. Over the Unix socket none is shown.
// Throws Failure (usage) when the file cannot be read or holds no token, or there is no use for it.
Endpoint with_token(Endpoint endpoint, const std::string& file_flag);
// The token in a text: without the white space around it. Nothing when that cannot be one.
std::optional<std::string> token_in(std::string_view text);

}  // namespace convctl
