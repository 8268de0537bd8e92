#include <clocale>
#include <csignal>
#include <exception>
#include <new>

#include "convctl/commands.h"

namespace {

convctl::Exit run(int argc, char** argv) {
  convctl::CommandLine line;
  try {
    line.app().parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return line.app().exit(error) == 0 ? convctl::Exit::ok : convctl::Exit::usage;
  }
  convctl::Session complaints{convctl::Globals{}};
  try {
    convctl::Session session(line.globals());
    return line.run()(session);
  } catch (const convctl::Failure& failure) {
    complaints.complain(failure);
    return failure.exit;
  }
}

}  // namespace

int main(int argc, char** argv) {
  std::setlocale(LC_CTYPE, "C.UTF-8");
  // A reader that has gone is an error of write(2): partial files and private daemons are still cleaned up.
  std::signal(SIGPIPE, SIG_IGN);
  try {
    return convctl::to_int(run(argc, argv));
  } catch (const std::exception& error) {
    convctl::Session(convctl::Globals{}).complain({convctl::Exit::internal, error.what(), ""});
    return convctl::to_int(convctl::Exit::internal);
  }
}
