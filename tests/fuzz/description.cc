// A file of engines.d, and then what the engine it describes does with a task and with words of a document.

#include "convd/engines/description_file.h"

#include <unistd.h>

#include <fstream>

#include "tests/fuzz/input.h"

using namespace convd::engines;

namespace {

// In memory where there is a place for that.
std::string made_directory() {
  std::string path = access("/dev/shm", W_OK) == 0 ? "/dev/shm/fuzz-XXXXXX" : "/tmp/fuzz-XXXXXX";
  fuzz::must(mkdtemp(path.data()) != nullptr, "a directory can be made");
  return path;
}

class Directory {
 public:
  ~Directory() {
    unlink(file().c_str());
    rmdir(path_.c_str());
  }
  std::string file() const { return path_ + "/fuzz.json"; }
  const std::string& path() const { return path_; }

 private:
  std::string path_ = made_directory();
};

void use(const EngineDescription& description, std::string_view words) {
  const auto engine = make_described(description);
  Task task;
  task.from = "pdf";
  task.to = "txt";
  task.input = "/in/source.pdf";
  task.stem = "source";
  const auto command = engine->command(task);
  fuzz::must(command.ok() && !command->argv.empty() && command->argv[0].front() == '/',
             "a program is an absolute path");
  fuzz::must(command->outputs.find('/') == std::string::npos, "results have no directory");
  if (command->progress) {
    const auto reader = command->progress();
    const auto report = [](const Progress& progress) {
      fuzz::must(progress.done >= 0 && (!progress.total || progress.done <= *progress.total), "it is within its total");
    };
    reader->feed(convd::process::Stream::err, words, report);
    reader->feed(convd::process::Stream::out, words, report);
  }
  const convd::process::Exit exit{.end = convd::process::End::exited, .status = 1, .reason = {}};
  fuzz::must(engine->diagnose(task, {exit, words, words, false}).has_value(), "a failure stays one");
}

}  // namespace

FUZZ_TARGET(input) {
  static const Directory directory;
  const std::string words = std::string(input.line()) + "\n";
  std::ofstream(directory.file(), std::ios::trunc) << input.rest();
  const auto described = read_engine_descriptions(directory.path());
  if (!described) {
    fuzz::must(described.error().message.find(directory.path()) != std::string::npos, "a refusal names the file");
    return;
  }
  for (const EngineDescription& engine : described->engines) use(engine, words);
}
