#pragma once
// An engine that is nothing but its table: the test says what its child does.

#include <cstdio>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "convd/engines/engine.h"

namespace tests {

// Prints progress as "page 3/12\n" on stdout, what it is at as "reads\n", facts as "pages 12\n", "wrote 11\n", "wants
// X\n", "font X\n", "font X>Y\n", "link X\n", "warning X\n", "early page\n".
class FakeProgress final : public convd::engines::ProgressReader {
 public:
  void feed(convd::process::Stream, std::string_view bytes, const Report& report) override {
    line_ += bytes;
    for (std::size_t end; (end = line_.find('\n')) != std::string::npos; line_.erase(0, end + 1)) {
      long done = 0;
      long total = 0;
      if (std::sscanf(line_.c_str(), "page %ld/%ld", &done, &total) == 2) report({done, total, "page"});
      if (std::sscanf(line_.c_str(), "pages %ld", &total) == 1) facts_.pages = total;
      if (line_.starts_with("reads")) report({0, {}, "", convd::engines::Phase::reading, 0.0, true});
      if (std::sscanf(line_.c_str(), "wrote %ld", &total) == 1) facts_.pages_out = total;
      if (const auto font = behind("font ")) facts_.fonts_missing.push_back(missing(*font));
      if (const auto font = behind("wants ")) facts_.fonts_requested.push_back(*font);
      if (const auto link = behind("link ")) facts_.links_blocked.push_back(*link);
      if (const auto warning = behind("warning ")) facts_.warnings.push_back(*warning);
      if (line_.starts_with("early page")) facts_.has_early_page = true;
    }
  }

 private:
  std::optional<std::string> behind(std::string_view word) const {
    if (!line_.starts_with(word)) return std::nullopt;
    return line_.substr(word.size(), line_.find('\n') - word.size());
  }
  static convd::engines::FontFact missing(const std::string& font) {
    const auto used = font.find('>');
    return {font.substr(0, used), used == std::string::npos ? "" : font.substr(used + 1)};
  }

  std::string line_;
};

class FakeEngine final : public convd::engines::Engine {
 public:
  FakeEngine(std::string name, std::vector<convd::engines::Edge> edges,
             std::vector<convd::engines::OptionSpec> specs = {}, std::string version = {})
      : name_(std::move(name)), edges_(std::move(edges)), specs_(std::move(specs)), version_(std::move(version)) {}

  std::string name() const override { return name_; }
  std::string title() const override { return "The " + name_; }
  std::string package() const override { return name_ + "-package"; }
  std::vector<std::string> programs() const override { return {"/bin/sh"}; }
  std::vector<std::string> version_command() const override {
    if (version_.empty()) return {};
    return {"/bin/sh", "--version"};
  }
  std::string read_version(std::string_view printed) const override {
    return printed.find(version_) == std::string_view::npos ? "" : version_;
  }
  std::vector<convd::engines::Edge> edges() const override { return edges_; }
  std::vector<convd::engines::OptionSpec> options() const override { return specs_; }
  shared::Result<convd::engines::Command> command(const convd::engines::Task& task) const override {
    convd::engines::Command command;
    command.argv = {"/bin/sh", task.input, task.to};
    for (const auto& [name, value] : task.options) command.argv.push_back(name + "=" + value);
    command.outputs = task.stem + "*." + task.to;
    command.office = convd::process::OfficeJob{};
    command.office->landscape = command.needs_warm_office = task.options.contains("landscape");
    command.progress = [] { return std::make_unique<FakeProgress>(); };
    return command;
  }
  std::optional<shared::Error> diagnose(const convd::engines::Task&,
                                        const convd::engines::Ended& ended) const override {
    if (ended.exit.end == convd::process::End::not_started) {
      return shared::Error{shared::ErrorCode::engine_failed, "Only a warm one can: " + ended.exit.reason, {}};
    }
    if (ended.err_tail.find("bad document") != std::string_view::npos) {
      return shared::Error{shared::ErrorCode::input_invalid, "The document is damaged", std::string(ended.err_tail)};
    }
    if (ended.exit.end == convd::process::End::exited && ended.exit.status != 0) {
      return shared::Error{shared::ErrorCode::engine_failed, "The engine gave up", std::string(ended.err_tail)};
    }
    return std::nullopt;
  }

 private:
  std::string name_;
  std::vector<convd::engines::Edge> edges_;
  std::vector<convd::engines::OptionSpec> specs_;
  std::string version_;
};

}  // namespace tests
