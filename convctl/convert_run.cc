#include "convctl/convert_run.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <filesystem>

#include "convctl/client_digest.h"
#include "convctl/multipart.h"
#include "convctl/options.h"

namespace convctl {
namespace {

constexpr int most_tries = 5;

FileDescriptor open_input(const std::string& path, std::int64_t& size_bytes) {
  FileDescriptor file(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK));
  struct stat info {};
  if (!file.valid() || fstat(file.get(), &info) != 0) throw Failure{Exit::no_input, std::strerror(errno), ""};
  if (S_ISDIR(info.st_mode))
    throw Failure{Exit::no_input, "is a directory", "name its files, for example '" + path + "/*'"};
  if (!S_ISREG(info.st_mode))
    throw Failure{Exit::no_input, "is not a regular file", "pipe it: `convctl convert - --from FORMAT < " + path + "`"};
  if (info.st_size == 0) throw Failure{Exit::no_input, "is empty", ""};
  size_bytes = info.st_size;
  return file;
}

// As a structured string.
std::string quoted(const std::string& key) {
  std::string text = "\"";
  for (const char c : key) {
    if (c == '"' || c == '\\') text += '\\';
    text += c;
  }
  return text + "\"";
}

// Throws Failure (usage).
void check_key(const ConvertOptions& options, std::size_t files) {
  const std::string& key = options.idempotency_key;
  if (key.empty()) return;
  const bool visible = std::all_of(key.begin(), key.end(), [](char c) { return c > ' ' && c < 0x7f; });
  if (!visible || key.size() > 255)
    throw Failure{Exit::usage, "--idempotency-key: expected 1 to 255 visible ASCII characters, or auto", ""};
  if (key != "auto" && files > 1)
    throw Failure{Exit::usage, "--idempotency-key names one conversion, but there are " + std::to_string(files),
                  "use --idempotency-key auto"};
  if (key == "auto" && !(options.password.empty() && options.output_password.empty()))
    throw Failure{Exit::usage, "--idempotency-key auto must not be made of a password", "give a key of your own"};
}

}  // namespace

ConvertRun::ConvertRun(Session& session, ConvertOptions options)
    : session_(session), options_(std::move(options)), client_(session.client()) {
  std::error_code error;
  const bool directory = options_.output.ends_with('/') || std::filesystem::is_directory(options_.output, error);
  if (directory) options_.output_dir = std::exchange(options_.output, "");
  const auto files = expand(options_.files);
  check_key(options_, files.size());
  const auto streams = std::count_if(files.begin(), files.end(), is_stream);
  if (streams > 1) throw Failure{Exit::usage, "standard input (-) can be named only once", ""};
  if (streams == 1 && options_.from.empty()) {
    throw Failure{Exit::usage, "the format of standard input is not known",
                  "say --from FORMAT, for example --from docx"};
  }
  if (files.size() > 1 && !options_.output.empty()) {
    throw Failure{Exit::usage, "-o names one file, but there are " + std::to_string(files.size()) + " inputs",
                  "use --output-dir DIR"};
  }
  if (options_.to.empty() && !is_stream(options_.output)) options_.to = extension_of(options_.output);
  const bool to_stdout =
      is_stream(options_.output) || (streams == 1 && options_.output.empty() && options_.output_dir.empty());
  if (to_stdout && files.size() > 1)
    throw Failure{Exit::usage, "only one input can go to standard output", "use --output-dir DIR"};
  if (to_stdout) options_.output = "-";
  if (to_stdout && session_.globals().json && !options_.detach) {
    throw Failure{Exit::usage, "--json and the result cannot both go to standard output", "use -o FILE"};
  }
  if (to_stdout && !options_.to.empty() && !options_.detach) session_.refuse_binary(options_.to);
  if (!options_.output_dir.empty()) {
    std::filesystem::create_directories(options_.output_dir, error);
    if (error) throw Failure{Exit::cannot_create, options_.output_dir + ": " + error.message(), ""};
  }
  for (const std::string& file : files) {
    Item& item = items_.emplace_back();
    item.input = file;
    item.filename = is_stream(file) ? "stdin." + options_.from : base_name(file);
    tasks_.emplace_back().name = is_stream(file) ? "(stdin)" : base_name(file);
  }
  progress_ =
      make_progress(session_.globals().quiet ? ProgressMode::none : session_.globals().progress, session_.err());
}

void ConvertRun::guarded(std::size_t index, const std::function<void()>& step) {
  try {
    step();
  } catch (const Failure& failure) {
    if (failure.exit == Exit::interrupted || failure.exit == Exit::terminated) throw;
    fail(index, failure);
  }
}

Exit ConvertRun::run() {
  try {
    const shared::Json capacity = client_.get_json("/v1/capacity");
    if (const auto slots = capacity.read().find("slots")) {
      if (const auto count = slots->integer(1, 512)) limit_ = static_cast<std::size_t>(*count) * 2;
    }
  } catch (const Failure& failure) {
    if (failure.exit == Exit::unavailable || failure.exit >= Exit::timeout) throw;
  }
  client_.loop().on_signal([this](int number) { signalled(number); });
  for (std::size_t i = 0; i < items_.size(); ++i) guarded(i, [&] { prepare(i); });
  tick();
  pump();
  try {
    client_.loop().run_until([this] { return over(); });
  } catch (Failure& failure) {
    progress_->hide();
    if (const std::string ids = ids_still_running(); !ids.empty())
      failure.hint = "still running: `convctl watch " + ids + "`";
    throw;
  }
  if (signal_) {
    progress_->hide();
    if (const std::string ids = ids_still_running(); !ids.empty()) {
      session_.err().write("convctl: left running: " + ids + "\n  follow them with `convctl watch " + ids + "`\n");
    }
    return exit_for_signal(*signal_);
  }
  std::vector<Exit> exits;
  for (const Item& item : items_) exits.push_back(item.exit.value_or(Exit::internal));
  return combine(exits);
}

bool ConvertRun::over() const {
  return leaving_ || std::all_of(items_.begin(), items_.end(), [](const Item& item) { return item.exit.has_value(); });
}

void ConvertRun::tick() {
  progress_->changed(tasks_, std::nullopt);
  ticker_ = client_.loop().after(std::chrono::milliseconds(100), [this] { tick(); });
}

void ConvertRun::show(std::size_t index) {
  progress_->changed(tasks_, index);
}

void ConvertRun::prepare(std::size_t index) {
  Item& item = items_[index];
  std::int64_t size_bytes = 0;
  if (is_stream(item.input)) {
    item.spooled = spool_stdin(client_.loop().signal_fd());
  } else {
    open_input(item.input, size_bytes);
  }
  if (!options_.detach && !options_.to.empty()) settle_target(index, options_.to);
}

void ConvertRun::pump() {
  if (signal_) return;
  const auto busy = [this] {
    return static_cast<std::size_t>(std::count_if(items_.begin(), items_.begin() + static_cast<std::ptrdiff_t>(next_),
                                                  [](const Item& item) { return !item.exit; }));
  };
  while (next_ < items_.size() && busy() < limit_) {
    const std::size_t index = next_++;
    if (!items_[index].exit) guarded(index, [&] { submit(index); });
  }
}

ConvertRun::Fields ConvertRun::fields() const {
  Fields fields;
  const auto add = [&](const char* name, const std::string& value) {
    if (!value.empty()) fields.emplace_back(name, value);
  };
  const auto add_ms = [&](const char* name, const std::optional<std::chrono::milliseconds>& value) {
    if (value) fields.emplace_back(name, std::to_string(value->count()));
  };
  add("from", options_.from);
  add("to", options_.to);
  add("prompt_mode", options_.prompt_mode);
  add("pages", options_.pages);
  add("password", options_.password);
  shared::Json engine_options = typed_options(options_.options);
  if (!options_.output_password.empty()) engine_options.set("output_password", options_.output_password);
  if (const std::string text = engine_options.dump(); text != "{}") add("options", text);
  if (!options_.labels.empty()) {
    shared::Json labels = shared::Json::object();
    for (const auto& [key, value] : labels_from(options_.labels)) labels.set(key, value);
    add("labels", labels.dump());
  }
  if (options_.priority) add("priority", std::to_string(*options_.priority));
  add_ms("attempt_timeout_ms", options_.attempt_timeout);
  add_ms("stall_timeout_ms", options_.stall_timeout);
  add_ms("deadline_ms", options_.deadline);
  if (options_.no_cache) add("no_cache", "true");
  return fields;
}

HttpRequest ConvertRun::submission(Item& item) {
  const Fields fields = this->fields();
  Multipart form = multipart(fields, item.filename, random_boundary());
  HttpRequest request{.method = "POST", .target = "/v1/conversions"};
  request.headers.emplace_back("Content-Type", form.content_type);
  FileBody body{{}, 0, std::move(form.prefix), std::move(form.suffix)};
  if (is_stream(item.input)) {
    struct stat info {};
    fstat(item.spooled.get(), &info);
    body.size_bytes = info.st_size;
    body.file = FileDescriptor(fcntl(item.spooled.get(), F_DUPFD_CLOEXEC, 3));
  } else {
    body.file = open_input(item.input, body.size_bytes);
  }
  if (!options_.idempotency_key.empty()) {
    std::vector<std::string> words{item.filename};
    for (const auto& [name, value] : fields) words.insert(words.end(), {name, value});
    const std::string key =
        options_.idempotency_key == "auto" ? "convctl-" + digest_of(body.file.get(), words) : options_.idempotency_key;
    request.headers.emplace_back("Idempotency-Key", quoted(key));
  }
  request.file = std::move(body);
  return request;
}

void ConvertRun::submit(std::size_t index) {
  HttpRequest request = submission(items_[index]);
  tasks_[index].phase = Phase::uploading;
  tasks_[index].size_bytes = request.file->size_bytes;
  request.on_sent = [this, index](std::int64_t sent_bytes) { tasks_[index].sent_bytes = sent_bytes; };
  show(index);
  items_[index].call = client_.start(std::move(request), [this, index](const HttpOutcome& outcome) {
    guarded(index, [&] { submitted(index, outcome); });
  });
}

void ConvertRun::submitted(std::size_t index, const HttpOutcome& outcome) {
  Item& item = items_[index];
  item.call.reset();
  if (const auto* failure = std::get_if<Failure>(&outcome)) throw *failure;
  const auto& response = std::get<HttpResponse>(outcome);
  if (!is_success(response)) {
    const Failure failure = failure_from(response);
    if (failure.exit == Exit::try_later && try_again(index, failure)) return;
    throw failure;
  }
  const shared::StatusObject object = status_from(response.body);
  item.id = object.id;
  update(tasks_[index], object, Clock::now());
  tasks_[index].phase = Phase::converting;
  if (options_.detach) {
    progress_->hide();
    if (session_.globals().json)
      session_.print_json_line(shared::to_json(object), "conversion");
    else
      session_.print(object.id + "\n");
    item.exit = Exit::ok;
    tasks_[index].phase = Phase::done;
    tasks_[index].outcome = "accepted as " + object.id;
    show(index);
    return pump();
  }
  show(index);
  watch(index);
}

// Waits as long as the daemon asks for, a bounded number of times.
bool ConvertRun::try_again(std::size_t index, const Failure& failure) {
  Item& item = items_[index];
  if (++item.tries >= most_tries) return false;
  const int seconds = std::clamp(failure.retry_after_s.value_or(1 << item.tries), 1, 60);
  tasks_[index].phase = Phase::waiting;
  session_.remark(item.input + ": " + failure.message + "; trying again in " + std::to_string(seconds) + " s");
  item.timer =
      client_.loop().after(std::chrono::seconds(seconds), [this, index] { guarded(index, [&] { submit(index); }); });
  return true;
}

void ConvertRun::watch(std::size_t index) {
  items_[index].watcher = std::make_unique<Watcher>(
      client_, items_[index].id, session_.interval(),
      Watcher::Events{
          [this, index](const shared::StatusObject& object) { guarded(index, [&] { progressed(index, object); }); },
          [this, index](const Failure& failure) { fail(index, failure); }});
}

void ConvertRun::progressed(std::size_t index, const shared::StatusObject& object) {
  update(tasks_[index], object, Clock::now());
  show(index);
  if (!is_terminal(object.status)) return;
  if (object.status == shared::Status::completed)
    return signal_ ? end(index, Exit::ok, Phase::done, "completed") : completed(index);
  if (object.status == shared::Status::cancelled) {
    if (signal_) return end(index, Exit::cancelled, Phase::cancelled, "cancelled");
    throw Failure{Exit::cancelled, "the conversion was cancelled", ""};
  }
  Failure failure{exit_for(object), object.error.value_or("the conversion failed"), ""};
  if (object.error_info) {
    failure.code = shared::to_string(object.error_info->code);
    failure.message += " (" + failure.code + ")";
    if (object.error_info->retryable) failure.hint = "it may work later: `convctl retry " + object.id + "`";
    if (failure.code == "input_encrypted")
      failure.hint = "give the password with --password-file FILE or CONVCTL_PASSWORD";
  }
  throw failure;
}

void ConvertRun::end(std::size_t index, Exit exit, Phase phase, std::string outcome) {
  Item& item = items_[index];
  if (item.exit) return;
  item.exit = exit;
  // Not at once: this may run inside a callback of one of them.
  client_.loop().post([this, index] {
    items_[index].watcher.reset();
    items_[index].call.reset();
    items_[index].out.reset();
    items_[index].timer.reset();
    pump();
  });
  tasks_[index].phase = phase;
  tasks_[index].outcome = std::move(outcome);
  show(index);
  report(item, tasks_[index]);
}

void ConvertRun::fail(std::size_t index, const Failure& failure) {
  if (items_[index].exit) return;
  end(index, failure.exit, failure.exit == Exit::cancelled ? Phase::cancelled : Phase::failed, failure.message);
  progress_->hide();
  session_.complain(failure, is_stream(items_[index].input) ? "(stdin)" : items_[index].input);
}

void ConvertRun::report(const Item& item, const Task& task) {
  const bool streamed = !item.outputs.empty() && is_stream(item.outputs.front());
  if (streamed) return;
  if (session_.globals().json) {
    progress_->hide();
    shared::Json json = task.status ? shared::to_json(*task.status) : shared::Json::object();
    shared::Json outputs = shared::Json::array();
    if (*item.exit == Exit::ok)
      for (const std::string& path : item.outputs) outputs.push(path);
    json.set("input", item.input).set("outputs", std::move(outputs)).set("exit_code", to_int(*item.exit));
    if (*item.exit != Exit::ok && (!task.status || !task.status->error)) json.set("error", task.outcome);
    return session_.print_json_line(std::move(json), "conversion");
  }
  if (task.phase != Phase::done || item.outputs.empty()) return;
  progress_->hide();
  for (const std::string& path : item.outputs) session_.print(path + "\n");
}

void ConvertRun::cancel(std::size_t index) {
  HttpRequest request{.method = "POST", .target = conversion_target(items_[index].id) + "/cancel"};
  // Already finished, or out of reach: the watcher tells.
  items_[index].cancel = client_.start(std::move(request), [](const HttpOutcome&) {});
}

void ConvertRun::signalled(int number) {
  if (signal_) {
    leaving_ = true;
    return;
  }
  signal_ = number;
  std::size_t count = 0;
  for (std::size_t i = 0; i < items_.size(); ++i) {
    if (items_[i].exit) continue;
    const bool running = !items_[i].id.empty() && tasks_[i].phase == Phase::converting;
    if (running) {
      cancel(i);
      ++count;
    } else {
      end(i, exit_for_signal(number), Phase::cancelled, "interrupted");
    }
  }
  progress_->hide();
  if (count > 0) {
    session_.err().write("convctl: cancelling " + std::to_string(count) +
                         (count == 1 ? " conversion" : " conversions") + " - press Ctrl-C again to leave " +
                         (count == 1 ? "it" : "them") + " running\n");
  }
  patience_ = client_.loop().after(std::chrono::seconds(5), [this] {
    session_.err().write("convctl: the cancellation was not confirmed within 5 s\n");
    leaving_ = true;
  });
}

std::string ConvertRun::ids_still_running() const {
  std::string ids;
  for (std::size_t i = 0; i < items_.size(); ++i) {
    if (items_[i].exit || items_[i].id.empty()) continue;
    ids += (ids.empty() ? "" : " ") + items_[i].id;
  }
  return ids;
}

}  // namespace convctl
