#pragma once
// LibreOffice, warmed once (tests/office/driver.cc), and documents for it.

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>
#include <sstream>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "convd/process/office_wire.h"
#include "tests/support/paths.h"
#include "tests/support/temp_directory.h"

namespace tests {

using namespace convd::process;

// What `command` prints.
inline std::string printed_by(const std::string& command) {
  FILE* pipe = ::popen((command + " 2>/dev/null").c_str(), "r");
  if (pipe == nullptr) throw std::runtime_error(command);
  std::string text;
  std::array<char, 4096> buffer{};
  for (std::size_t size; (size = std::fread(buffer.data(), 1, buffer.size(), pipe)) > 0;)
    text.append(buffer.data(), size);
  ::pclose(pipe);
  return text;
}

inline std::string content_of(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

// How one document went.
struct Outcome {
  int status = -1;
  std::vector<OfficeNote> notes;
  std::string out;  // the directory

  bool ok() const { return status == 0; }
  std::string path(const std::string& name = "result.pdf") const { return out + "/" + name; }
  std::string text(const std::string& options = "") const {
    return printed_by("pdftotext -layout " + options + " " + path() + " -");
  }
  // A line of pdfinfo, such as "Pages".
  std::string info(const std::string& name) const {
    std::istringstream lines(printed_by("pdfinfo " + path()));
    for (std::string line; std::getline(lines, line);) {
      if (line.rfind(name + ":", 0) == 0) return line.substr(line.find_first_not_of(" :", name.size()));
    }
    return "";
  }
  // The fonts in it, as "BAAAAA+DejaVuSans".
  std::string fonts() const { return printed_by("pdffonts " + path()); }
  template <typename Note>
  std::vector<Note> all() const {
    std::vector<Note> found;
    for (const OfficeNote& note : notes) {
      if (const auto* each = std::get_if<Note>(&note)) found.push_back(*each);
    }
    return found;
  }
  std::string failure() const {
    const auto failed = all<OfficeFailed>();
    return failed.empty() ? "" : std::string(shared::to_string(failed.front().code)) + ": " + failed.front().sentence;
  }
};

class OfficeWorld {
 public:
  static std::string driver() { return std::string(CONVD_BINARY_DIR) + "/tests/office_driver"; }
  static bool possible() { return std::filesystem::exists(driver()); }

  OfficeWorld() {
    std::array<int, 2> to{};
    std::array<int, 2> from{};
    if (::pipe2(to.data(), O_CLOEXEC) != 0 || ::pipe2(from.data(), O_CLOEXEC) != 0) throw std::runtime_error("pipe2");
    posix_spawn_file_actions_t actions;
    ::posix_spawn_file_actions_init(&actions);
    ::posix_spawn_file_actions_adddup2(&actions, to[0], 0);
    ::posix_spawn_file_actions_adddup2(&actions, from[1], 1);
    std::string program = driver();
    std::string directory = directory_.path();
    std::array<char*, 3> argv{program.data(), directory.data(), nullptr};
    const int failed = ::posix_spawn(&pid_, argv[0], &actions, nullptr, argv.data(), environ);
    ::posix_spawn_file_actions_destroy(&actions);
    ::close(to[0]);
    ::close(from[1]);
    if (failed != 0) throw std::runtime_error("posix_spawn");
    orders_ = to[1];
    answers_ = ::fdopen(from[0], "r");
    ready_ = line();
  }
  OfficeWorld(const OfficeWorld&) = delete;
  OfficeWorld& operator=(const OfficeWorld&) = delete;
  ~OfficeWorld() {
    ::close(orders_);
    std::fclose(answers_);
    int status = 0;
    ::waitpid(pid_, &status, 0);
  }

  const std::string& ready() const { return ready_; }

  // Converts a document whose name is job.input.
  Outcome convert(const std::string& document, OfficeJob job) {
    const std::string workspace = directory_ / ("job" + std::to_string(++last_id_));
    for (const char* name : {"/in", "/out", "/tmp"}) std::filesystem::create_directories(workspace + name);
    std::ofstream(workspace + "/in/" + job.input, std::ios::binary) << document;
    const std::string order = encode_office(Convert{last_id_, workspace, std::move(job), {}}) + "\n";
    if (::write(orders_, order.data(), order.size()) != static_cast<ssize_t>(order.size()))
      throw std::runtime_error("write");
    Outcome outcome;
    outcome.out = workspace + "/out";
    for (std::string answer = line();; answer = line()) {
      if (answer.rfind("ended ", 0) == 0) {
        outcome.status = std::stoi(answer.substr(answer.find(' ', 6)));
        return outcome;
      }
      if (const auto note = decode_note(answer)) outcome.notes.push_back(*note);
    }
  }

 private:
  std::string line() {
    std::string text;
    for (int c; (c = std::getc(answers_)) != '\n';) {
      if (c == EOF) throw std::runtime_error("the driver has ended");
      text += static_cast<char>(c);
    }
    return text;
  }

  TempDirectory directory_;
  pid_t pid_ = -1;
  int orders_ = -1;
  FILE* answers_ = nullptr;
  ChildId last_id_ = 0;
  std::string ready_;
};

}  // namespace tests
