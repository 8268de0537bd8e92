#include <unistd.h>

#include <clocale>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "convctl/checkup.h"
#include "convctl/client.h"
#include "convctl/commands.h"
#include "convctl/completion.h"
#include "convctl/duration.h"
#include "convctl/endpoint.h"
#include "convctl/exit_code.h"
#include "convctl/http_message.h"
#include "convctl/ladder.h"
#include "convctl/multipart.h"
#include "convctl/naming.h"
#include "convctl/options.h"
#include "convctl/output_file.h"
#include "convctl/progress.h"
#include "convctl/prometheus.h"
#include "convctl/table.h"
#include "tests/support/catch.h"
#include "tests/support/paths.h"

using namespace convctl;
using namespace std::chrono_literals;
namespace fs = std::filesystem;

namespace {

struct Folder {
  Folder() {
    std::string pattern = (fs::temp_directory_path() / "convctl-test-XXXXXX").string();
    path = mkdtemp(pattern.data());
  }
  ~Folder() { fs::remove_all(path); }
  std::string file(const std::string& name, const std::string& text = "x") const {
    std::ofstream(path / name) << text;
    return (path / name).string();
  }
  std::string text(const std::string& name) const {
    std::ifstream in(path / name);
    return {std::istreambuf_iterator<char>(in), {}};
  }
  fs::path path;
};

Task converting(shared::ProgressKind kind) {
  shared::StatusObject object;
  object.status = shared::Status::processing;
  object.progress = 42;
  object.eta_ms = 5200;
  object.stage = shared::Stage{"libreoffice", 1, 1, "page", 13, 31, kind};
  Task task;
  task.name = "report.docx";
  task.phase = Phase::converting;
  update(task, object, Clock::time_point());
  return task;
}

int usage_exit(const std::function<void()>& step) {
  try {
    step();
  } catch (const Failure& failure) {
    return to_int(failure.exit);
  }
  return 0;
}

// Feeds the answer in pieces of every size and expects the same each time.
HttpResponse read_all(const std::string& answer) {
  HttpResponse response;
  for (std::size_t piece = 1; piece <= answer.size(); ++piece) {
    ResponseReader reader(false, {}, 1000);
    for (std::size_t at = 0; at < answer.size(); at += piece) reader.feed(std::string_view(answer).substr(at, piece));
    REQUIRE(reader.finish(ResponseReader::Ending::closed) == ResponseReader::State::done);
    if (piece > 1) CHECK(reader.response().body == response.body);
    response = reader.response();
  }
  return response;
}

bool is_broken(const std::string& answer) {
  ResponseReader reader(false, {}, 1000);
  reader.feed(answer);
  return reader.finish(ResponseReader::Ending::closed) == ResponseReader::State::broken;
}

}  // namespace

TEST_CASE("every error code has an exit code, and a failed conversion the one of its code") {
  using shared::ErrorCode;
  const std::vector<std::pair<ErrorCode, int>> table{
      {ErrorCode::engine_failed, 1},    {ErrorCode::stalled, 1},          {ErrorCode::cancelled_by_user, 3},
      {ErrorCode::invalid_option, 64},  {ErrorCode::input_encrypted, 65}, {ErrorCode::unsupported_conversion, 65},
      {ErrorCode::body_too_large, 65},  {ErrorCode::result_gone, 66},     {ErrorCode::conversion_not_found, 66},
      {ErrorCode::internal, 70},        {ErrorCode::queue_full, 75},      {ErrorCode::disk_full, 75},
      {ErrorCode::not_implemented, 76}, {ErrorCode::forbidden, 77}};
  for (const auto& [code, exit] : table) CHECK(to_int(exit_for(code)) == exit);
  for (int i = 0; i < shared::error_code_count; ++i) CHECK(exit_for(static_cast<ErrorCode>(i)) != Exit::ok);

  shared::StatusObject object;
  CHECK(exit_for(object) == Exit::ok);
  object.status = shared::Status::cancelled;
  CHECK(exit_for(object) == Exit::cancelled);
  object.status = shared::Status::error;
  CHECK(exit_for(object) == Exit::failed);
  object.error_info = shared::ErrorInfo{ErrorCode::input_invalid, false, "", ""};
  CHECK(exit_for(object) == Exit::input_rejected);
}

TEST_CASE("an answer without a known code is judged by its status") {
  CHECK(exit_for_http(503, {}) == Exit::try_later);
  CHECK(exit_for_http(401, {}) == Exit::not_allowed);
  CHECK(exit_for_http(500, {}) == Exit::internal);
  CHECK(exit_for_http(302, {}) == Exit::protocol);
  CHECK(exit_for_http(500, shared::ErrorCode::queue_full) == Exit::try_later);
}

TEST_CASE("one exit code for many") {
  CHECK(combine({}) == Exit::ok);
  CHECK(combine({Exit::ok, Exit::ok}) == Exit::ok);
  CHECK(combine({Exit::ok, Exit::failed}) == Exit::some_failed);
  CHECK(combine({Exit::no_input, Exit::no_input}) == Exit::no_input);
  CHECK(combine({Exit::cancelled, Exit::failed}) == Exit::failed);
}

TEST_CASE("durations") {
  CHECK(parse_duration("90") == 90s);
  CHECK(parse_duration("1.5s") == 1500ms);
  CHECK(parse_duration("500ms") == 500ms);
  CHECK(parse_duration("1h30m") == 90min);
  CHECK(parse_duration("1d") == 24h);
  for (const char* wrong : {"", "-1", "abc", "5x", "1m1h", "1s1s", "5 m", "1e3", "999999999d", "1h30"})
    CHECK_FALSE(parse_duration(wrong));
  CHECK(format_duration(65s) == "1:05");
  CHECK(format_duration(2h + 3min) == "2h 03m");
  CHECK(format_bytes(999) == "999 B");
  CHECK(format_bytes(1536) == "1.5 KiB");
}

TEST_CASE("options have the type they look like, and nothing that would change their looks") {
  CHECK(typed_options({"dpi=300", "tagged=true", "off=false", "name=a=b", "empty="}).dump() ==
        R"({"dpi":300,"tagged":true,"off":false,"name":"a=b","empty":""})");
  for (const char* text : {"1.5", "007", "+1", "0x10", "1e3", "True", "9007199254740993", "-0"})
    CHECK(typed_value(text).read().is_string());
  CHECK(typed_options({"a=1", "a=2"}).dump() == R"({"a":2})");
  CHECK(usage_exit([] { typed_options({"novalue"}); }) == 64);
  CHECK(usage_exit([] { labels_from({"=x"}); }) == 64);
}

TEST_CASE("outputs are named after their inputs") {
  CHECK(target_path("report.docx", "pdf", "") == "report.pdf");
  CHECK(target_path("dir/a.b.docx", "pdf", "") == "dir/a.b.pdf");
  CHECK(target_path("dir.d/README", "html", "out") == "out/README.html");
  CHECK(target_path(".profile", "txt", "") == ".profile.txt");
  CHECK(extension_of("x/Y.DocX") == "docx");
  CHECK(extension_of("dir.d/none").empty());
  CHECK(extension_of(".profile").empty());
  for (const char* name : {"", "..", "a/b", "../x", "a\nb"}) CHECK(usage_exit([&] { safe_name(name); }) == 76);
}

TEST_CASE("patterns that the shell left are expanded, names that exist are not") {
  const Folder folder;
  const auto a = folder.file("a.md");
  const auto b = folder.file("b.md");
  const auto star = folder.file("[x].md");
  const std::string all = (folder.path / "?.md").string();
  CHECK(expand({all}) == std::vector<std::string>{a, b});
  CHECK(expand({star}) == std::vector<std::string>{star});
  CHECK(expand({"none*.md", "-"}) == std::vector<std::string>{"none*.md", "-"});
  CHECK(free_path(a, {}) == (folder.path / "a-1.md").string());
  CHECK(free_path(a, {(folder.path / "a-1.md").string()}) == (folder.path / "a-2.md").string());
}

TEST_CASE("an output file appears whole or not at all") {
  const Folder folder;
  const std::string path = (folder.path / "out.pdf").string();
  {
    OutputFile file(path);
    file.write("half");
  }
  CHECK(fs::is_empty(folder.path));
  OutputFile(path).commit(path, Replace::no);
  CHECK(usage_exit([&] { OutputFile(path).commit(path, Replace::no); }) == 73);
  OutputFile file(path);
  file.write("new");
  file.commit(path, Replace::yes);
  CHECK(folder.text("out.pdf") == "new");
  CHECK(std::distance(fs::directory_iterator(folder.path), {}) == 1);
}

TEST_CASE("a bar of a fixed width at a fixed time") {
  std::setlocale(LC_CTYPE, "C.UTF-8");
  const auto later = Clock::time_point() + 2s;
  Task task = converting(shared::ProgressKind::measured);
  CHECK(render_bar(task, 100, 0, later) ==
        "report.docx               [########------------]   42%  libreoffice, page 13/31, ETA 0:05");
  task.status->stage->done = 23;
  CHECK(describe(task, later) == "libreoffice, page 23/31, 5.0 pages/s, ETA 0:05");
  for (int width = 10; width < 120; ++width) CHECK(cell_width(render_bar(task, width, 3, later)) < width);
}

TEST_CASE("a guess is marked as one, and what is not known is not invented") {
  const auto guess = converting(shared::ProgressKind::estimated);
  CHECK(percent_text(guess) == "~42%");
  const auto unknown = converting(shared::ProgressKind::none);
  CHECK(percent_text(unknown).empty());
  CHECK(render_bar(unknown, 60, 4, {}).find('%') == std::string::npos);
  CHECK(render_bar(unknown, 60, 4, {}).find("[----=-------]") != std::string::npos);
  Task queued;
  queued.phase = Phase::converting;
  queued.status = shared::StatusObject{};
  queued.status->position = 3;
  CHECK(describe(queued, {}) == "queued, position 3");
  CHECK(percent_text(queued).empty());
}

TEST_CASE("many files share one line") {
  std::vector<Task> tasks(10);
  for (std::size_t i = 0; i < 5; ++i) tasks[i].phase = Phase::done;
  tasks[5].phase = Phase::failed;
  tasks[6].phase = Phase::converting;
  CHECK(render_total(tasks, 81) == "[############--------] 6/10 files, 1 failed, 1 converting");
}

TEST_CASE("cells, not bytes, and no command for the terminal") {
  std::setlocale(LC_CTYPE, "C.UTF-8");
  CHECK(cell_width("Ünïcödé") == 7);
  CHECK(cell_width("文書") == 4);
  CHECK(fit("文書文書", 6) == "文書… ");
  CHECK(fit("ab", 4) == "ab  ");
  CHECK(printable("a\x1b[31mb\xff\n") == "a?[31mb??");
  Terminal pipe(-1, ColorMode::automatic);
  CHECK(pipe.paint(Color::red, "x") == "x");
  CHECK(Terminal(-1, ColorMode::always).paint(Color::red, "x") == "\x1b[31mx\x1b[0m");
}

TEST_CASE("tables are aligned for people and whole for pipes") {
  const std::vector<Row> rows{{"1", "a rather long name of a file.docx", "x"}, {"22", "文書", "y"}};
  CHECK(render_aligned({"ID", "FILE", "Z"}, rows, 24) ==
        "ID  FILE               Z\n1   a rather long na…  x\n22  文書               y\n");
  CHECK(render_table({"ID", "FILE", "Z"}, rows, Terminal(-1, ColorMode::never)) ==
        "ID\tFILE\tZ\n1\ta rather long name of a file.docx\tx\n22\t文書\ty\n");
}

TEST_CASE("a checkup is healthy until something has failed") {
  const auto report = shared::Json::parse(
      R"({"checks":[{"name":"fonts","ok":true,"verdict":"warn","message":"2 font files","advice":"`apt install x`"},)"
      R"({"name":"store","ok":true,"verdict":"ok","message":"new\nwords","advice":null}]})");
  Checkup checkup;
  checkup.add({"daemon", shared::Verdict::ok, "answers", {}});
  checkup.add_all(report.value().read());
  CHECK(checkup.is_healthy());
  const Terminal pipe(-1, ColorMode::never);
  CHECK(checkup.text(pipe, Checkup::Show::all) ==
        "OK    daemon: answers\nWARN  fonts: 2 font files; `apt install x`\nOK    store: new?words\n");
  checkup.add({"disk", shared::Verdict::fail, "full", "free some"});
  CHECK_FALSE(checkup.is_healthy());
  CHECK(checkup.text(pipe, Checkup::Show::troubles) ==
        "WARN  fonts: 2 font files; `apt install x`\nFAIL  disk: full; free some\n");
  CHECK(checkup.json().dump().find(
            R"({"name":"disk","verdict":"fail","message":"full","advice":"free some","ok":false})") !=
        std::string::npos);
  const auto broken = shared::Json::parse(R"({"checks":[{"name":"fonts"}]})");
  CHECK_THROWS_AS(checkup.add_all(broken.value().read()), Failure);
}

TEST_CASE("answers in every framing, in pieces of every size") {
  CHECK(read_all("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello").body == "hello");
  CHECK(read_all("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 429 Too Many\r\nRetry-After: 7 \r\nContent-Length: 0\r\n\r\n")
            .header("retry-after") == "7");
  CHECK(read_all("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3;x=1\r\nhel\r\n2\r\nlo\r\n0\r\nT: 1\r\n\r\n")
            .body == "hello");
  CHECK(read_all("HTTP/1.0 200 OK\r\n\r\nhello").body == "hello");
  CHECK(read_all("HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n").status == 304);
}

TEST_CASE("answers that contradict themselves are refused") {
  for (const char* answer :
       {"", "SSH-2.0\r\n\r\n", "HTTP/1.1 2x0 OK\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nshort",
        "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\nx",
        "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", "HTTP/1.1 200 OK\r\nBad Name: 1\r\n\r\n"}) {
    INFO(answer);
    CHECK(is_broken(answer));
  }
  CHECK(is_broken("HTTP/1.1 200 OK\r\nContent-Length: 2000\r\n\r\n" + std::string(2000, 'x')));
  CHECK(is_broken("HTTP/1.1 200 OK\r\nX: " + std::string(70'000, 'x')));
}

TEST_CASE("only a successful body goes to the sink") {
  std::string sunk;
  ResponseReader good(
      false, [&](std::string_view bytes) { sunk += bytes; }, 10);
  good.feed("HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\n01234567890123456789");
  CHECK(sunk == "01234567890123456789");
  ResponseReader bad(
      false, [&](std::string_view bytes) { sunk += bytes; }, 10);
  bad.feed("HTTP/1.1 409 Conflict\r\nContent-Length: 2\r\n\r\n{}");
  CHECK(sunk.size() == 20);
  CHECK(bad.response().body == "{}");
}

TEST_CASE("a form around a file") {
  const Multipart form = multipart({{"to", "pdf"}}, "a\"b\r\n.docx", "B");
  CHECK(form.prefix ==
        "--B\r\nContent-Disposition: form-data; name=\"to\"\r\n\r\npdf\r\n"
        "--B\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a%22b%0D%0A.docx\"\r\n"
        "Content-Type: application/octet-stream\r\n\r\n");
  CHECK(form.suffix == "\r\n--B--\r\n");
  CHECK(random_boundary() != random_boundary());
  CHECK(url_encode("a b/ü~") == "a%20b%2F%C3%BC~");
}

TEST_CASE("where the daemon is") {
  const Endpoint plain = endpoint_from_url("http://host:81/convd/");
  CHECK(plain.describe() == "http://host:81/convd");
  CHECK(endpoint_from_url("http://host").host_header() == "host");
  const Endpoint six = endpoint_from_url("http://[::1]:8080");
  CHECK(six.host == "::1");
  CHECK(six.host_header() == "[::1]:8080");
  for (const char* url : {"https://", "http://", "ftp://x", "http://x:0", "http://x:99999", "http://u@x", "http://x?y",
                          "http://[::1", "x", "https:/x", "HTTPS://x:", "https://x:443x"}) {
    INFO(url);
    CHECK(usage_exit([&] { endpoint_from_url(url); }) == 64);
  }
  CHECK(usage_exit([] { endpoint_from_socket(std::string(200, 'x')); }) == 64);
}

TEST_CASE("where a daemon behind TLS is") {
  const Endpoint plain = endpoint_from_url("https://host/convd/");
  CHECK(plain.tls);
  CHECK(plain.port == 443);
  CHECK(plain.describe() == "https://host/convd");
  CHECK(plain.host_header() == "host");
  CHECK(endpoint_from_url("https://host:443").host_header() == "host");
  CHECK(endpoint_from_url("https://host:80").host_header() == "host:80");
  CHECK(endpoint_from_url("https://[::1]").host_header() == "[::1]");
  CHECK_FALSE(endpoint_from_url("http://host").tls);
  CHECK(endpoint_from_url("http://host:443").host_header() == "host:443");
}

TEST_CASE("what others on the way can read") {
  for (const char* url : {"http://host", "http://192.0.2.1", "http://[2001:db8::1]:80", "http://localhost.example",
                          "http://127.0.0.1.example", "http://128.0.0.1"}) {
    INFO(url);
    CHECK(endpoint_from_url(url).is_in_clear());
  }
  for (const char* url :
       {"https://host", "http://localhost", "http://app.localhost:80", "http://127.1.2.3", "http://[::1]:8080"}) {
    INFO(url);
    CHECK_FALSE(endpoint_from_url(url).is_in_clear());
  }
  CHECK_FALSE(endpoint_from_socket("/run/x").is_in_clear());
}

TEST_CASE("an answer that ends with its connection has ended only when the other side said so") {
  const auto ending = [](const std::string& answer, ResponseReader::Ending how) {
    ResponseReader reader(false, {}, 1000);
    reader.feed(answer);
    return reader.finish(how);
  };
  const std::string until_close = "HTTP/1.1 200 OK\r\n\r\nhalf of";
  CHECK(ending(until_close, ResponseReader::Ending::closed) == ResponseReader::State::done);
  CHECK(ending(until_close, ResponseReader::Ending::cut_off) == ResponseReader::State::broken);
  const std::string with_length = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
  CHECK(ending(with_length, ResponseReader::Ending::cut_off) == ResponseReader::State::done);
}

TEST_CASE("plain HTTP to a port that speaks TLS is named for what it is") {
  ResponseReader reader(false, {}, 1000);
  CHECK(reader.feed("\x15\x03\x01") == ResponseReader::State::broken);
  CHECK(reader.problem().find("https://") != std::string::npos);
  HttpResponse nginx{400, {}, "<center>The plain HTTP request was sent to HTTPS port</center>"};
  CHECK(failure_from(nginx).exit == Exit::protocol);
  CHECK(failure_from(nginx).hint == "is it https:// instead of http://?");
  nginx.body = "<h1>Bad Request</h1>";
  CHECK(failure_from(nginx).exit == Exit::usage);
}

TEST_CASE("contact that is lost: five tries from 1 s to 10 s, then the long poll, then the plain poll, then the end") {
  Ladder ladder;
  std::vector<long> delays;
  std::optional<Ladder::Step> step;
  while ((step = ladder.failed(0)) && step->mode == Ladder::Mode::socket) delays.push_back(step->delay.count());
  CHECK(delays == std::vector<long>{1000, 2000, 4000, 8000, 10000});
  CHECK(step->mode == Ladder::Mode::long_poll);
  CHECK(step->delay == 0ms);
  int long_polls = 0;
  while ((step = ladder.failed(0)) && step->mode == Ladder::Mode::long_poll) ++long_polls;
  CHECK(long_polls == 3);
  ladder.succeeded();
  int polls = 0;
  while (ladder.failed(0.99)) ++polls;
  CHECK(polls == 3);
  Ladder fresh;
  CHECK(fresh.failed(0.8)->delay == 800ms);
}

TEST_CASE("contact without a plain poll: the long poll is the last resort, and the socket can be left at once") {
  Ladder ladder(Ladder::Mode::long_poll);
  CHECK(ladder.failed(0)->mode == Ladder::Mode::socket);
  CHECK(ladder.leave_socket().mode == Ladder::Mode::long_poll);
  std::vector<long> delays;
  while (const auto step = ladder.failed(0)) delays.push_back(step->delay.count());
  CHECK(delays == std::vector<long>{1000, 2000, 4000});
  Ladder down(Ladder::Mode::long_poll);
  std::optional<Ladder::Step> step;
  int sockets = 0;
  while ((step = down.failed(0)) && step->mode == Ladder::Mode::socket) ++sockets;
  CHECK(sockets == 5);
  CHECK(step->mode == Ladder::Mode::long_poll);
  CHECK(step->delay == 0ms);
}

TEST_CASE("the important series: counters as they are, distributions as count and mean") {
  const auto samples = important_samples(
      "# HELP a_total Things.\n# TYPE a_total counter\na_total{x=\"} \\\" y\"} 3\n# TYPE h "
      "histogram\nh_bucket{le=\"1\"} 1\nh_sum 3\nh_count 2\nbroken{\n");
  REQUIRE(samples.size() == 3);
  CHECK(samples[0].labels == "x=\"} \\\" y\"");
  CHECK(samples[0].help == "Things.");
  CHECK(samples[1].name == "h_count");
  CHECK(samples[2].name == "h_mean");
  CHECK(samples[2].value == "1.5");
}

TEST_CASE("completion and help know every command and every option") {
  CommandLine line;
  const auto commands = line.app().get_subcommands([](CLI::App*) { return true; });
  CHECK(commands.size() == 27);
  for (const Shell shell : {Shell::bash, Shell::zsh, Shell::fish}) {
    const std::string script = completion_script(line.app(), shell);
    for (const CLI::App* command : commands) {
      INFO(command->get_name());
      CHECK((script.find("\n    " + command->get_name() + ") flags=") != std::string::npos ||
             script.find("-a " + command->get_name() + " -d") != std::string::npos));
      for (const CLI::Option* option : command->get_options()) {
        for (const auto& name : option->get_lnames())
          CHECK(script.find((shell == Shell::fish ? "-l " : "--") + name) != std::string::npos);
      }
    }
  }
}

TEST_CASE("the manual page names every command, option and exit code") {
  std::ifstream file(CONVD_SOURCE_DIR "/man/convctl.1");
  const std::string page{std::istreambuf_iterator<char>(file), {}};
  CommandLine line;
  std::vector<const CLI::App*> apps{&line.app()};
  for (const CLI::App* command : line.app().get_subcommands([](CLI::App*) { return true; })) {
    apps.push_back(command);
    INFO(command->get_name());
    CHECK(page.find(".It Cm " + command->get_name()) != std::string::npos);
  }
  for (const CLI::App* app : apps) {
    for (const CLI::Option* option : app->get_options()) {
      for (const auto& name : option->get_lnames()) {
        INFO(name);
        CHECK(page.find("Fl -" + name) != std::string::npos);
      }
    }
  }
  for (const char* code :
       {"0", "1", "3", "4", "64", "65", "66", "69", "70", "73", "74", "75", "76", "77", "78", "124", "130", "143"}) {
    INFO(code);
    CHECK(page.find("\n.It " + std::string(code) + "\n") != std::string::npos);
  }
}
