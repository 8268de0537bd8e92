// Load for servers that tell many WebSockets the same: subscribers and publisher in one thread, so that there is one
// clock. Bounded, stops by itself, prints one line of JSON. tests/bench/fanout.py runs it.
//
//   fanout_load KIND --target 127.0.0.1:PORT|unix:PATH [--OPTION VALUE]...      (without arguments: what there is)

#include <cstdio>
#include <exception>
#include <functional>
#include <string>

#include "tests/bench/fanout/load.h"

namespace {

struct Kind {
  std::function<void(fanout::Load&)> run;
  const char* help;
};

const std::map<std::string, Kind>& kinds() {
  static const std::map<std::string, Kind> all = {
      {"throughput", {fanout::throughput, "--window events in flight: the next when all have heard one"}},
      {"paced", {fanout::paced, "--rate events a second: how late they come, and what --deaf ones cost"}},
      {"idle", {fanout::idle, "nothing but connections: what each one costs"}},
      {"probe", {fanout::probe, "one event of --size: how large its frame is (convd)"}},
      {"fill", {fanout::fill, "--events that nobody but one reader hears (convd)"}},
      {"replay", {fanout::replay, "one client that has missed what is --after, --through (convd)"}},
      {"herd", {fanout::herd, "all come back at once after a restart, while --others listen (convd)"}},
  };
  return all;
}

fanout::Options defaults() {
  return {
      {"target", {"", "127.0.0.1:PORT or unix:PATH"}},
      {"path", {"/sub", "of the subscribers"}},
      {"hello", {"", "their first message; none: there is no ack either"}},
      {"deflate", {"0", "1: they offer permessage-deflate"}},
      {"publish", {"ws:/pub", "ws:/path, lines:/path, post:/path or note:/path"}},
      {"publishers", {"1", "connections to POST on"}},
      {"pids", {"", "of the server, commas between"}},
      {"subscribers", {"1000", "how many"}},
      {"parallel", {"128", "how many connect at a time"}},
      {"size", {"300", "bytes of text in an event"}},
      {"window", {"32", "events in flight"}},
      {"rate", {"20", "events a second"}},
      {"seconds", {"3", "how long to measure"}},
      {"warm", {"0.5", "seconds before that"}},
      {"deaf", {"0", "of the subscribers, how many never read"}},
      {"events", {"10000", "to publish or to miss"}},
      {"rounds", {"5", "of the same replay"}},
      {"epoch", {"", "of the position to go on from"}},
      {"after", {"0", "its seq"}},
      {"through", {"0", "the last seq to be missed"}},
      {"others", {"100", "clients that the herd does not belong to"}},
  };
}

int usage() {
  std::fprintf(stderr, "usage: fanout_load KIND --target ADDRESS [--OPTION VALUE]...\n");
  for (const auto& [name, kind] : kinds()) std::fprintf(stderr, "  %-12s %s\n", name.c_str(), kind.help);
  for (const auto& [name, option] : defaults())
    std::fprintf(stderr, "  --%-12s %s (%s)\n", name.c_str(), option.help.c_str(), option.value.c_str());
  return 64;
}

}  // namespace

int main(int argc, char** argv) {
  const auto kind = kinds().find(argc > 1 ? argv[1] : "");
  if (kind == kinds().end() || argc % 2 != 0) return usage();
  fanout::Options options = defaults();
  for (int i = 2; i < argc; i += 2) {
    const auto option = options.find(std::string(argv[i]).substr(2));
    if (option == options.end()) return usage();
    option->second.value = argv[i + 1];
  }
  try {
    fanout::Load load(options);
    kind->second.run(load);
  } catch (const std::exception& error) {
    return std::fprintf(stderr, "fanout_load: %s\n", error.what()), 1;
  }
}
