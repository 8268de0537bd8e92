// LibreOffice, warmed once, for the tests of convd/office: reads Convert messages (office_wire.h), one a line, and runs
// each in a child, as convd-office does but without its confinement.
//
//   office_driver DIRECTORY
//
// Prints "ready VERSION START_MS WARM_MS RSS_KB THREADS", and for each message the child's notes and then
// "ended ID STATUS MS CPU_MS RSS_KB". Exit status: 0 at the end of input, 1 with a sentence on standard error.

#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <filesystem>
#include <iostream>
#include <iterator>
#include <string>

#include "convd/office/document.h"
#include "convd/office/lok.h"
#include "convd/process/office_wire.h"

namespace {

using namespace convd;
using Clock = std::chrono::steady_clock;

long ms_since(Clock::time_point start) {
  return static_cast<long>(std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now() - start).count());
}

long ms_of(const timeval& time) {
  return time.tv_sec * 1000 + time.tv_usec / 1000;
}

void say(const std::string& line) {
  std::cout << line << std::endl;
}

int convert(office::Lok& lok, const process::Convert& order) {
  office::prepare_child(lok, order.job, order.workspace);
  const auto failed = office::convert_document(
      lok, order.job, order.workspace, [](const process::OfficeNote& note) { say(process::encode_note(note)); });
  if (failed) say(process::encode_note(*failed));
  return failed ? 1 : 0;
}

void run_child(office::Lok& lok, const process::Convert& order) {
  const auto start = Clock::now();
  const pid_t child = ::fork();
  if (child == 0) ::_exit(convert(lok, order));
  int status = 0;
  rusage use{};
  ::wait4(child, &status, 0, &use);
  say("ended " + std::to_string(order.id) + " " + std::to_string(status) + " " + std::to_string(ms_since(start)) + " " +
      std::to_string(ms_of(use.ru_utime) + ms_of(use.ru_stime)) + " " + std::to_string(use.ru_maxrss));
}

long threads() {
  return std::distance(std::filesystem::directory_iterator("/proc/self/task"), {});
}

int serve(office::Lok& lok, long start_ms) {
  const auto start = Clock::now();
  const auto warm = lok.warm_up();
  if (!warm) {
    std::cerr << warm.error().message << std::endl;
    return 1;
  }
  rusage use{};
  ::getrusage(RUSAGE_SELF, &use);
  say("ready " + lok.version() + " " + std::to_string(start_ms) + " " + std::to_string(ms_since(start)) + " " +
      std::to_string(use.ru_maxrss) + " " + std::to_string(threads()));
  for (std::string line; std::getline(std::cin, line);) {
    const auto message = process::decode_office(line);
    if (!message) {
      std::cerr << message.error().message << std::endl;
      return 1;
    }
    run_child(lok, std::get<process::Convert>(*message));
  }
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) return 64;
  const auto start = Clock::now();
  const std::string directory = argv[1];
  auto lok = office::Lok::start({directory + "/profile", directory + "/tmp"});
  if (!lok) {
    std::cerr << lok.error().message << std::endl;
    return 1;
  }
  const long start_ms = ms_since(start);
  ::_exit((*lok)->run([&] { return serve(**lok, start_ms); }));
}
