#include "convctl/multipart.h"

#include <random>

namespace convctl {
namespace {

// What browsers do with the three characters that would end the quoted name.
std::string quoted(std::string_view name) {
  std::string out;
  for (const char c : name) {
    if (c == '"')
      out += "%22";
    else if (c == '\r')
      out += "%0D";
    else if (c == '\n')
      out += "%0A";
    else
      out += c;
  }
  return "\"" + out + "\"";
}

}  // namespace

Multipart multipart(const std::vector<std::pair<std::string, std::string>>& fields, std::string_view filename,
                    const std::string& boundary) {
  Multipart out;
  out.content_type = "multipart/form-data; boundary=" + boundary;
  for (const auto& [name, value] : fields) {
    out.prefix +=
        "--" + boundary + "\r\nContent-Disposition: form-data; name=" + quoted(name) + "\r\n\r\n" + value + "\r\n";
  }
  out.prefix += "--" + boundary + "\r\nContent-Disposition: form-data; name=\"file\"; filename=" + quoted(filename) +
                "\r\nContent-Type: application/octet-stream\r\n\r\n";
  out.suffix = "\r\n--" + boundary + "--\r\n";
  return out;
}

std::string random_boundary() {
  std::random_device device;
  std::string boundary = "convctl";
  for (int i = 0; i < 32; ++i) boundary += "0123456789abcdef"[device() % 16];
  return boundary;
}

}  // namespace convctl
