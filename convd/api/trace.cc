#include "convd/api/trace.h"

#include <sys/random.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <system_error>

namespace convd::api {
namespace {

bool is_lower_hex(std::string_view text) {
  return text.find_first_not_of("0123456789abcdef") == text.npos;
}

// version "-" trace-id "-" parent-id "-" flags; versions after 00 may go on after another "-".
bool is_traceparent(std::string_view text) {
  if (text.size() < 55 || text[2] != '-' || text[35] != '-' || text[52] != '-') return false;
  const std::string_view version = text.substr(0, 2);
  if (version == "ff" || (version == "00" ? text.size() != 55 : text.size() > 55 && text[55] != '-')) return false;
  const std::string_view trace = text.substr(3, 32);
  const std::string_view parent = text.substr(36, 16);
  const auto nonzero = [](std::string_view id) { return id.find_first_not_of('0') != id.npos; };
  return is_lower_hex(version) && is_lower_hex(trace) && is_lower_hex(parent) && is_lower_hex(text.substr(53, 2)) &&
         nonzero(trace) && nonzero(parent);
}

}  // namespace

std::string trace_id_from(std::string_view traceparent) {
  return is_traceparent(traceparent) ? std::string(traceparent.substr(3, 32)) : random_trace_id();
}

std::string random_trace_id() {
  std::array<unsigned char, 16> bytes{};
  while (getrandom(bytes.data(), bytes.size(), 0) != static_cast<ssize_t>(bytes.size())) {
    if (errno != EINTR) throw std::system_error(errno, std::generic_category(), "getrandom");
  }
  std::string id;
  for (const unsigned char byte : bytes) {
    id += "0123456789abcdef"[byte >> 4U];
    id += "0123456789abcdef"[byte & 15U];
  }
  return id;
}

}  // namespace convd::api
