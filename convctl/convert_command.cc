#include <fcntl.h>

#include <array>
#include <cstdlib>
#include <memory>

#include "convctl/commands.h"
#include "convctl/convert_run.h"
#include "convctl/local_daemon.h"

namespace convctl {
namespace {

struct Flags {
  ConvertOptions options;
  std::string password_file;
  std::string output_password_file;
  std::string if_exists = "error";
  std::string attempt_timeout;
  std::string stall_timeout;
  std::string deadline;
  int priority = -1;
  bool local = false;
};

IfExists if_exists_from(const std::string& text) {
  if (text == "error") return IfExists::error;
  if (text == "skip") return IfExists::skip;
  if (text == "newer") return IfExists::newer;
  if (text == "overwrite") return IfExists::overwrite;
  if (text == "rename") return IfExists::rename;
  throw Failure{Exit::usage, "--if-exists " + text + ": expected error, skip, newer, overwrite or rename", ""};
}

// The first line of the file, or of standard input.
std::string password_from(const std::string& flag, const std::string& path) {
  const FileDescriptor file(path == "-" ? dup(STDIN_FILENO) : open(path.c_str(), O_RDONLY | O_CLOEXEC));
  std::array<char, 4096> buffer;
  std::string text;
  ssize_t got = -1;
  while (file.valid() && text.size() < buffer.size() && (got = read(file.get(), buffer.data(), buffer.size())) > 0) {
    text.append(buffer.data(), static_cast<std::size_t>(got));
  }
  if (got < 0) throw Failure{Exit::no_input, flag + " " + path + ": cannot be read", ""};
  text.resize(std::min(text.size(), text.find('\n')));
  if (!text.empty() && text.back() == '\r') text.pop_back();
  if (text.empty()) throw Failure{Exit::no_input, flag + " " + path + ": the first line is empty", ""};
  return text;
}

// Never an argument: those are seen by everyone on the machine.
void read_passwords(const Flags& flags, ConvertOptions& options) {
  const auto& files = options.files;
  const auto from_stdin = std::count(files.begin(), files.end(), "-") + (flags.password_file == "-" ? 1 : 0) +
                          (flags.output_password_file == "-" ? 1 : 0);
  if (from_stdin > 1 && (flags.password_file == "-" || flags.output_password_file == "-"))
    throw Failure{Exit::usage, "standard input cannot be both the document and the password, or two passwords", ""};
  const char* value = std::getenv("CONVCTL_PASSWORD");
  if (value != nullptr) options.password = value;
  if (!flags.password_file.empty()) options.password = password_from("--password-file", flags.password_file);
  if (!flags.output_password_file.empty())
    options.output_password = password_from("--output-password-file", flags.output_password_file);
}

Exit run_convert(Session& session, const Flags& flags) {
  ConvertOptions options = flags.options;
  options.if_exists = if_exists_from(flags.if_exists);
  options.attempt_timeout = duration_from("--attempt-timeout", flags.attempt_timeout);
  options.stall_timeout = duration_from("--stall-timeout", flags.stall_timeout);
  options.deadline = duration_from("--deadline", flags.deadline);
  if (flags.priority >= 0) options.priority = flags.priority;
  read_passwords(flags, options);
  if (!flags.local) return ConvertRun(session, std::move(options)).run();
  if (options.detach)
    throw Failure{Exit::usage, "--local and --detach exclude each other: the private daemon ends with the run", ""};
  LocalDaemon daemon(session);
  return ConvertRun(session, std::move(options)).run();
}

}  // namespace

Run set_up_convert(CLI::App& command) {
  auto flags = std::make_shared<Flags>();
  ConvertOptions& options = flags->options;
  command.add_option("files", options.files, "Files, quoted patterns, or - for standard input")
      ->required()
      ->type_name("FILE");
  command
      .add_option("-t,--to", options.to, "Target format; else from -o, else pdf (md for a PDF or with --prompt-mode)")
      ->type_name("FORMAT");
  command.add_option("-f,--from", options.from, "Format of the input, when its name does not tell")
      ->type_name("FORMAT");
  command
      .add_option("-o", options.output,
                  "Where to save: a file, a directory, or - for standard output. Default: beside the input")
      ->type_name("FILE");
  command
      .add_option("--output-dir", options.output_dir,
                  "Save here (made if missing); several outputs are saved one by one, else as a zip")
      ->type_name("DIR");
  command
      .add_option("-O,--option", options.options, "Option of the engine; `convctl formats --from X --to Y` lists them")
      ->type_name("KEY=VALUE")
      ->allow_extra_args(false);
  command.add_option("--pages", options.pages, "Only these pages, for example 1-3,7")->type_name("RANGE");
  command
      .add_option("--password-file", flags->password_file,
                  "First line is the document's password; - for standard input. Else CONVCTL_PASSWORD")
      ->type_name("FILE");
  command
      .add_option("--output-password-file", flags->output_password_file,
                  "First line is the password that the results get; - for standard input")
      ->type_name("FILE");
  command.add_option("--prompt-mode", options.prompt_mode, "prompt_layout_all_en, prompt_layout_only_en or prompt_ocr")
      ->type_name("MODE");
  command.add_flag("-d,--detach", options.detach, "Only submit; print the ids, one per line");
  command.add_option("--label", options.labels, "Label of the conversion")
      ->type_name("KEY=VALUE")
      ->allow_extra_args(false);
  command.add_option("--priority", flags->priority, "0 to 9, higher first")->check(CLI::Range(0, 9))->type_name("N");
  command.add_option("--attempt-timeout", flags->attempt_timeout, "Longest time of one attempt")->type_name("DURATION");
  command.add_option("--stall-timeout", flags->stall_timeout, "Longest time without progress")->type_name("DURATION");
  command.add_option("--deadline", flags->deadline, "Longest time in the queue")->type_name("DURATION");
  command
      .add_option("--if-exists", flags->if_exists,
                  "What to do when the output exists: error, skip, newer, overwrite or rename")
      ->type_name("ACTION");
  command.add_flag("--no-cache", options.no_cache, "Convert anew, whatever results of the same there are");
  command
      .add_option("--idempotency-key", options.idempotency_key,
                  "Saying it again with the same key starts nothing new; auto makes one of the file and the arguments")
      ->type_name("KEY|auto");
  command.add_flag("--local", flags->local, "Start a private daemon for this run");
  return [flags](Session& session) { return run_convert(session, *flags); };
}

}  // namespace convctl
