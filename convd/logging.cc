#include "convd/logging.h"

#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <array>
#include <cstdio>
#include <memory>

namespace convd {
namespace {

// The message as the inside of a JSON string (RFC 8259, section 7); "%J" in a pattern.
class JsonMessage final : public spdlog::custom_flag_formatter {
 public:
  void format(const spdlog::details::log_msg& message, const std::tm&, spdlog::memory_buf_t& out) override {
    for (const char c : message.payload) {
      if (c == '"' || c == '\\') out.push_back('\\');
      if (static_cast<unsigned char>(c) >= 0x20) {
        out.push_back(c);
        continue;
      }
      std::array<char, 8> escaped{};
      const int length = std::snprintf(escaped.data(), escaped.size(), "\\u%04x", static_cast<unsigned>(c));
      out.append(escaped.data(), escaped.data() + length);
    }
  }
  std::unique_ptr<custom_flag_formatter> clone() const override { return std::make_unique<JsonMessage>(); }
};

}  // namespace

void start_logging(const std::string& level, LogFormat format) {
  const auto sink = std::make_shared<spdlog::sinks::stderr_sink_mt>();
  auto formatter = std::make_unique<spdlog::pattern_formatter>(spdlog::pattern_time_type::utc);
  if (format == LogFormat::json) {
    formatter->add_flag<JsonMessage>('J').set_pattern(
        R"({"time":"%Y-%m-%dT%H:%M:%S.%eZ","level":"%l","logger":"%n","message":"%J"})");
  } else {
    formatter->set_pattern("%Y-%m-%dT%H:%M:%S.%eZ %-5l %n: %v");
  }
  sink->set_formatter(std::move(formatter));
  for (const char* name :
       {"convd", "loop", "process", "runner", "store", "events", "trust", "engines", "jobs", "api", "transport"}) {
    auto logger = std::make_shared<spdlog::logger>(name, sink);
    logger->flush_on(spdlog::level::trace);
    spdlog::register_logger(std::move(logger));
  }
  set_log_level(level);
}

void set_log_level(const std::string& level) {
  spdlog::set_level(spdlog::level::from_str(level));
}

}  // namespace convd
