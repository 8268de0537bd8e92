#include "shared/time.h"

#include <array>
#include <cstdio>
#include <ctime>

namespace shared {

std::string to_rfc3339(std::int64_t epoch_ms) {
  std::int64_t seconds = epoch_ms / 1000;
  std::int64_t ms = epoch_ms % 1000;
  if (ms < 0) {
    ms += 1000;
    --seconds;
  }
  const auto time = static_cast<std::time_t>(seconds);
  std::tm parts{};
  gmtime_r(&time, &parts);
  std::array<char, 64> text{};
  std::snprintf(text.data(), text.size(), "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ", parts.tm_year + 1900, parts.tm_mon + 1,
                parts.tm_mday, parts.tm_hour, parts.tm_min, parts.tm_sec, static_cast<int>(ms));
  return text.data();
}

std::optional<std::int64_t> from_rfc3339(std::string_view text) {
  const std::string copy(text);
  std::tm parts{};
  int ms = 0;
  int used = 0;
  const int date = std::sscanf(copy.c_str(), "%4d-%2d-%2dT%2d:%2d:%2d%n", &parts.tm_year, &parts.tm_mon, &parts.tm_mday,
                               &parts.tm_hour, &parts.tm_min, &parts.tm_sec, &used);
  if (date != 6) return std::nullopt;
  int more = 0;
  if (std::sscanf(copy.c_str() + used, ".%3d%n", &ms, &more) == 1) used += more;
  if (copy.substr(static_cast<std::size_t>(used)) != "Z") return std::nullopt;
  parts.tm_year -= 1900;
  parts.tm_mon -= 1;
  const std::time_t seconds = timegm(&parts);
  const std::int64_t epoch_ms = static_cast<std::int64_t>(seconds) * 1000 + ms;
  const std::string again = to_rfc3339(epoch_ms);  // 31 February comes back as March: refuse
  return again.substr(0, 19) == copy.substr(0, 19) ? std::optional(epoch_ms) : std::nullopt;
}

}  // namespace shared
