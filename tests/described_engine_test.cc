// Engines described by files: what a file may say, what it means, what is wrong in it and where.

#include "convd/engines/described_engine.h"

#include <algorithm>
#include <csignal>
#include <filesystem>
#include <fstream>

#include "convd/engines/description_file.h"
#include "convd/engines/registry.h"
#include "tests/support/catch.h"
#include "tests/support/temp_directory.h"

using namespace convd;
using namespace convd::engines;
using convd::inspect::Sniff;
using convd::inspect::sniff;
using process::Stream;
using shared::ErrorCode;

namespace {

constexpr auto smallest =
    R"({"name": "upper", "program": "/usr/bin/dd", "args": ["if={input}"], "edges": [{"from": "txt", "to": "md"}]})";

// A directory of descriptions.
struct Directory {
  tests::TempDirectory directory;

  Directory& write(const std::string& name, const std::string& text) {
    std::ofstream(directory.path() + "/" + name) << text;
    return *this;
  }
  shared::Result<Described> read() const { return read_engine_descriptions(directory.path()); }
};

EngineDescription only(const std::string& text) {
  auto described = Directory().write("one.json", text).read();
  if (!described) FAIL(described.error().message);
  REQUIRE(described->engines.size() == 1);
  return described->engines.front();
}

// A description of that member besides the required ones.
std::string with(const std::string& member) {
  std::string text = smallest;
  text.insert(text.size() - 1, ", " + member);
  return text;
}

// The message without the directory.
std::string refusal(const std::string& text) {
  Directory directory;
  const auto described = directory.write("one.json", text).read();
  if (described) return "accepted";
  CHECK(described.error().code == ErrorCode::invalid_option);
  const std::string& message = described.error().message;
  const std::string place = directory.directory.path() + "/";
  REQUIRE(message.starts_with(place));
  return message.substr(place.size());
}

std::string instead(const std::string& part, const std::string& other) {
  std::string text = smallest;
  REQUIRE(text.find(part) != std::string::npos);
  return text.replace(text.find(part), part.size(), other);
}

Task task(const std::string& from = "txt", const std::string& to = "md") {
  return {from, to, "/in/source." + from, "source", {}};
}

std::vector<std::string> argv(const std::string& args) {
  return make_described(only(instead(R"(["if={input}"])", args)))->command(task())->argv;
}

std::optional<shared::Error> diagnose(const Engine& engine, int status, const std::string& err, bool has_output) {
  process::Exit exit;
  exit.end = process::End::exited;
  exit.status = status;
  return engine.diagnose(task(), Ended{exit, "", err, has_output});
}

}  // namespace

TEST_CASE("the smallest description is a bounded command and one output") {
  const auto engine = make_described(only(smallest));
  CHECK(engine->name() == "upper");
  CHECK(engine->title() == "upper");
  CHECK(engine->programs() == std::vector<std::string>{"/usr/bin/dd"});
  REQUIRE(engine->edges().size() == 1);
  CHECK(engine->edges()[0].from == "txt");
  CHECK(engine->edges()[0].to == "md");
  const auto command = engine->command(task());
  REQUIRE(command);
  CHECK(command->argv == std::vector<std::string>{"/usr/bin/dd", "if=/in/source.txt"});
  CHECK(command->outputs == "source.md");
  CHECK_FALSE(command->progress);
  CHECK(command->limits.memory_bytes > 0);
  CHECK(command->limits.cpu_ms > 0);
  CHECK(command->limits.file_bytes > 0);
  CHECK(command->limits.processes > 0);
  CHECK(command->limits.tmp_bytes > 0);
}

TEST_CASE("placeholders are replaced, other braces stay") {
  CHECK(argv(R"(["{input}", "-o{output_dir}/{stem}.{to}", "{from}2{to}"])") ==
        std::vector<std::string>{"/usr/bin/dd", "/in/source.txt", "-o/out/source.md", "txt2md"});
  CHECK(argv(R"(["{{input}", "{}", "{ 1 }", "a{", "{Input}", "$(id); {{{to}"])") ==
        std::vector<std::string>{"/usr/bin/dd", "{input}", "{}", "{ 1 }", "a{", "{Input}", "$(id); {md"});
  CHECK(refusal(instead("{input}", "{inputs}")) ==
        "one.json: $.args[0]: expected a text with the placeholders {input}, {output_dir}, {stem}, {from} and {to} ({{ "
        "is a brace), got \"if={inputs}\"");
}

TEST_CASE("everything that can be said arrives in the command") {
  const auto engine = make_described(only(with(R"(
    "title": "Upper case", "package": "coreutils", "files": ["/opt/upper"], "env": {"WHERE": "{output_dir}", "N": "1"},
    "limits": {"memory_bytes": 33554432, "cpu_ms": 2000, "file_bytes": 5, "output_bytes": 6, "output_files": 7,
               "processes": 8, "open_files": 99, "tmp_bytes": 1048576},
    "outputs": "{stem}-*.{to}")")));
  CHECK(engine->title() == "Upper case");
  CHECK(engine->package() == "coreutils");
  CHECK(engine->needs() == std::vector<std::string>{"/opt/upper"});
  const auto command = engine->command(task());
  REQUIRE(command);
  CHECK(command->read_only == std::vector<std::string>{"/opt/upper"});
  CHECK(command->env == std::vector<std::pair<std::string, std::string>>{{"WHERE", "/out"}, {"N", "1"}});
  CHECK(command->limits.memory_bytes == 33'554'432);
  CHECK(command->limits.cpu_ms == 2000);
  CHECK(command->limits.file_bytes == 5);
  CHECK(command->limits.output_bytes == 6);
  CHECK(command->limits.output_files == 7);
  CHECK(command->limits.processes == 8);
  CHECK(command->limits.open_files == 99);
  CHECK(command->limits.tmp_bytes == 1'048'576);
  CHECK(command->outputs == "source-*.md");
}

TEST_CASE("the version has the mark of the description") {
  const auto first = only(smallest);
  const auto second = only(instead("if=", "if= "));
  CHECK(first.mark.starts_with("one.json "));
  CHECK(first.mark != second.mark);
  CHECK(first.mark == only(smallest).mark);
  // Without a version command the mark is all there is, and it is there at once.
  const auto described = Directory().write("one.json", smallest).read();
  const Registry registry = Registry::installed("/nonexistent", "/nowhere", *described);
  CHECK(registry.engines().back().version == first.mark);
  const auto asked = only(with(R"j("version_command": ["/usr/bin/dd", "--version"], "version_after": "utils)")j"));
  CHECK(make_described(asked)->read_version("dd (coreutils) 9.1\nfor 2022") == "9.1 (" + asked.mark + ")");
}

TEST_CASE("an engine whose program or file is missing is unavailable and says why") {
  const auto described = Directory()
                             .write("a.json", with(R"("package": "coreutils")"))
                             .write("b.json", instead("upper", "other"))
                             .write("c.json", R"({"name": "scripted", "program": "/usr/bin/env", "args": ["/nowhere/x"],
                                                  "files": ["/nowhere/x"], "edges": [{"from": "txt", "to": "md"}]})")
                             .read();
  REQUIRE(described);
  const auto problem = [&](const std::string& root, std::string_view name) {
    const Registry registry = Registry::installed(root, "/nowhere", *described);
    for (const EngineState& state : registry.engines()) {
      if (state.engine->name() == name) return state.available ? "available" : state.problem;
    }
    return std::string("unknown");
  };
  CHECK(problem("/nonexistent", "upper") == "upper is not installed; its package is coreutils");
  CHECK(problem("/nonexistent", "other") == "other is not installed");
  CHECK(problem("", "upper") == "available");
  CHECK(problem("", "scripted") == "scripted lacks /nowhere/x");
}

TEST_CASE("what is wrong is named with file, key and what was expected") {
  CHECK(refusal("{") == "one.json: syntax error at byte 1");
  CHECK(refusal("[]") == "one.json: $: expected an object");
  CHECK(refusal("{}") == "one.json: $.name: required");
  CHECK(refusal(with(R"("shell": "sh")")).starts_with("one.json: $.shell: unknown key; known are name, title"));
  CHECK(refusal(with(R"("name": "x")")) == "one.json: $.name: given twice");
  CHECK(refusal(instead("upper", "Upper case")) ==
        "one.json: $.name: expected 1 to 32 small letters, digits, - and _, got \"Upper case\"");
  CHECK(refusal(instead("\"upper\"", "3")) == "one.json: $.name: expected a string, found a number");
  CHECK(refusal(instead("\"md\"", "\"papyrus\"")) ==
        "one.json: $.edges[0].to: expected a format that is known or declared in \"formats\", got \"papyrus\"");
  CHECK(refusal(instead("\"md\"", R"("md", "cost": 0)")) ==
        "one.json: $.edges[0].cost: expected a whole number from 1 to 86400000");
  CHECK(refusal(instead("\"md\"", R"("md", "quality": 101)")) ==
        "one.json: $.edges[0].quality: expected a whole number from 0 to 100");
  CHECK(refusal(instead(R"([{"from": "txt", "to": "md"}])", "[]")) ==
        "one.json: $.edges: expected 1 to 256 items, got 0");
  CHECK(refusal(instead(R"(["if={input}"])", "\"{input}\"")) == "one.json: $.args: expected an array, found a string");
  CHECK(refusal(with(R"("limits": {"memory_bytes": 1})")) ==
        "one.json: $.limits.memory_bytes: expected a whole number from 16777216 to 1099511627776");
  CHECK(refusal(with(R"("limits": {"memory": 1})")).starts_with("one.json: $.limits.memory: unknown key"));
  CHECK(refusal(with(R"("env": {"A=B": "1"})")).starts_with("one.json: $.env.A=B: expected the name of a variable"));
  CHECK(refusal(with(R"("outputs": "../{stem}")")).starts_with("one.json: $.outputs: expected a pattern"));
  CHECK(refusal(with(R"("errors": [{"pattern": "x", "code": "internal"}])")) ==
        "one.json: $.errors[0].code: expected one of input_invalid, input_encrypted, got \"internal\"");
  CHECK(refusal(with(R"("progress": {"pattern": "(?<done>[0-9]+"})"))
            .starts_with("one.json: $.progress.pattern: expected a regular expression ("));
  CHECK(refusal(with(R"("progress": {"pattern": "page [0-9]+"})")) ==
        "one.json: $.progress.pattern: expected a group (?<done>...) or (?<percent>...), got \"none\"");
  CHECK(refusal(with(R"j("progress": {"pattern": "(?<page>.)"})j")) ==
        "one.json: $.progress.pattern: expected no group \"page\", got \"(?<page>.)\"");
}

TEST_CASE("a program is where the sandbox shows one") {
  CHECK(refusal(instead("/usr/bin/dd", "dd")) == "one.json: $.program: expected an absolute path, got \"dd\"");
  CHECK(refusal(instead("/usr/bin/dd", "/usr/../opt/dd")).starts_with("one.json: $.program: expected an absolute"));
  CHECK(refusal(instead("/usr/bin/dd", "/opt/dd")) ==
        "one.json: $.program: expected a program below /usr or below one of \"files\", got \"/opt/dd\"");
  CHECK(refusal(instead("/usr/bin/dd", "/usrlocal/dd")).starts_with("one.json: $.program: expected a program"));
  CHECK(refusal(instead(R"("/usr/bin/dd")", R"("/opt/dd", "files": ["/opt"])")) == "accepted");
  CHECK(refusal(instead(R"("/usr/bin/dd")", R"("/opt/dd", "files": ["/opt/dd"])")) == "accepted");
  for (const char* taken : {"/", "/out", "/in/source.txt", "/tmp", "/etc", "/etc/passwd", "/proc/1", "relative"}) {
    INFO(taken);
    CHECK(refusal(with(std::string("\"files\": [\"") + taken + "\"]"))
              .starts_with("one.json: $.files[0]: expected an absolute path outside"));
  }
  CHECK(refusal(with(R"("version_command": ["dd"])")) ==
        "one.json: $.version_command[0]: expected an absolute path, got \"dd\"");
}

TEST_CASE("names are taken once, those of the build for ever") {
  CHECK(refusal(instead("upper", "pandoc")) ==
        "one.json: $.name: expected a name that no other engine has, got \"pandoc\"");
  Directory directory;
  directory.write("a.json", smallest).write("b.json", smallest);
  CHECK(directory.read().error().message ==
        directory.directory.path() + "/b.json: $.name: expected a name that no other engine has, got \"upper\"");
}

TEST_CASE("only files that are descriptions are read, in the order of their names") {
  Directory directory;
  directory.write("b.json", smallest).write("a.json", instead("upper", "first"));
  directory.write("README", "no").write(".hidden.json", "no").write("c.json.off", "no");
  const auto described = directory.read();
  REQUIRE(described);
  REQUIRE(described->engines.size() == 2);
  CHECK(described->engines[0].name == "first");
  CHECK(described->engines[1].name == "upper");
  CHECK(read_engine_descriptions("/nonexistent/engines.d")->engines.empty());
  directory.write("big.json", std::string(70'000, ' '));
  CHECK(directory.read().error().message == directory.directory.path() + "/big.json: expected at most 65536 bytes");
}

TEST_CASE("a format can be declared, and is known to the engines of all files") {
  Directory directory;
  directory.write("a.json", instead("\"md\"", "\"shout\""));
  directory.write("b.json", instead("upper", "other").insert(1, R"("formats": [{"name": "shout", "title": "Shouting",
      "media_type": "text/x-shout", "extensions": ["shout", "loud"], "magic": "4f48"}],)"));
  const auto described = directory.read();
  REQUIRE(described);
  const Registry registry = Registry::installed("", "/nowhere", *described);
  const Format* format = registry.formats().of_filename("Loud.LOUD");
  REQUIRE(format != nullptr);
  CHECK(format->name == "shout");
  CHECK(format->media_type == "text/x-shout");
  CHECK(registry.formats().find("Shout") == format);
  CHECK(registry.formats().find("docx")->name == "docx");
  CHECK(registry.formats().of_filename("x.md")->name == "md");
  CHECK(find_format("shout") == nullptr);
  CHECK(sniff(claim_of(*format), "OH").verdict == Sniff::agrees);
  CHECK(sniff(claim_of(*format), "oh").verdict == Sniff::differs);
  CHECK(sniff(claim_of(*format), "oh").seen == "plain text");
  CHECK(sniff(claim_of(*format), "").verdict == Sniff::empty);
}

TEST_CASE("a declared format takes no word from another") {
  const auto declared = [](const std::string& format) { return refusal(with("\"formats\": [" + format + "]")); };
  CHECK(declared(R"({"name": "md"})") ==
        "one.json: $.formats[0].name: expected a format and extensions that are not known yet, got \"md\"");
  CHECK(declared(R"({"name": "zap", "extensions": ["zap", "htm"]})").ends_with("got \"htm\""));
  CHECK(declared(R"({"name": "zap"}, {"name": "zap"})").starts_with("one.json: $.formats[1].name"));
  CHECK(declared(R"({"name": "zap", "magic": "4f4"})").starts_with("one.json: $.formats[0].magic: expected 2 to 64"));
  CHECK(declared(R"({"name": "zap", "media_type": "zap"})").starts_with("one.json: $.formats[0].media_type"));
  CHECK(declared(R"({"name": "zap"})") == "accepted");
}

// ---- what a program says

namespace {

std::vector<Progress> read(const std::string& rule, const std::string& text, Stream stream = Stream::err) {
  const auto command = make_described(only(with("\"progress\": " + rule)))->command(task());
  const auto reader = command->progress();
  std::vector<Progress> seen;
  reader->feed(stream, text, [&](const Progress& progress) { seen.push_back(progress); });
  return seen;
}

}  // namespace

TEST_CASE("progress is read by a pattern with named groups") {
  const std::string rule = R"j({"pattern": "page (?<done>[0-9]+) (of|/) (?<total>[0-9]+)", "unit": "page"})j";
  const auto seen = read(rule, "hello\n** page 13 of 31 done\n");
  REQUIRE(seen.size() == 1);
  CHECK(seen[0].done == 13);
  CHECK(seen[0].total == 31);
  CHECK(seen[0].unit == "page");
  CHECK(read(rule, "page 7 / 8\r", Stream::out).at(0).done == 7);
  CHECK(read(rule, "page 7 of\npage x of 8\n").empty());
  CHECK(read(rule, "page 9 of 8\n").at(0).done == 8);
  CHECK(read(rule, "page 99999999999999999999 of 8\n").empty());
}

TEST_CASE("progress may be a percentage, of one stream only") {
  const std::string rule = R"({"pattern": "^(?<percent>[0-9.]+)%", "stream": "stdout"})";
  CHECK(read(rule, "12.7%\n").empty());
  const auto seen = read(rule, "12.7%\n", Stream::out);
  REQUIRE(seen.size() == 1);
  CHECK(seen[0].done == 12);
  CHECK(seen[0].total == 100);
  CHECK(read(rule, "500%\n", Stream::out).at(0).done == 100);
  CHECK(read(rule, " 12%\n", Stream::out).empty());
}

TEST_CASE("of much that is printed at once the newest counts") {
  std::string text;
  for (int i = 1; i <= 1000; ++i) text += std::to_string(i) + "\n";
  const auto seen = read(R"({"pattern": "^(?<done>[0-9]+)$"})", text);
  REQUIRE(seen.size() == 1);
  CHECK(seen[0].done == 1000);
  CHECK_FALSE(seen[0].total);
}

TEST_CASE("no pattern takes longer than its line is long") {
  const auto pattern = LinePattern::compile("(a+)+(a*)*(b|c)");
  REQUIRE(pattern);
  CHECK_FALSE(pattern->match(std::string(LinePattern::most_line_bytes, 'a')));
  CHECK(pattern->match(std::string(100, 'a') + "b"));
  CHECK_FALSE(LinePattern::compile("b")->match(std::string(LinePattern::most_line_bytes, 'a') + "b"));
  CHECK_FALSE(LinePattern::compile("(a)\\1"));
  CHECK_FALSE(LinePattern::compile(""));
  CHECK_FALSE(LinePattern::compile(std::string(257, 'a')));
  CHECK(LinePattern::compile("page 123456789 of [0-9]{1,6}"));
  for (const char* overlong : {"\\22222222222222222222", "a{1,99999999999999999999}"})
    CHECK(LinePattern::compile(overlong).error().message == "numbers of at most 9 digits");
}

TEST_CASE("groups are counted past escapes, classes and groups without a name") {
  const auto pattern = LinePattern::compile(R"(\((x)[(](?:y)(?=z)(?<done>z))", {"done"});
  REQUIRE(pattern);
  CHECK(pattern->match("(x(yz")->group("done") == "z");
  CHECK_FALSE(LinePattern::compile("(?<done>a)(?<done>b)", {"done"}));
  CHECK_FALSE(LinePattern::compile("(?<done", {"done"}));
}

TEST_CASE("a program's words say what is wrong with the document") {
  const auto engine = make_described(only(with(R"("title": "Upper", "errors": [
      {"pattern": "bad [a-z]+ at", "code": "input_invalid", "message": "the text is bad"},
      {"pattern": "^locked$", "code": "input_encrypted"}])")));
  CHECK_FALSE(diagnose(*engine, 0, "bad thing at 3", true));
  const auto bad = diagnose(*engine, 1, "x\nerror: bad thing at 3", false);
  REQUIRE(bad);
  CHECK(bad->code == ErrorCode::input_invalid);
  CHECK(bad->message == "Upper: the text is bad");
  CHECK(bad->detail == "x\nerror: bad thing at 3");
  CHECK(diagnose(*engine, 1, "locked\n", false)->code == ErrorCode::input_encrypted);
  CHECK(diagnose(*engine, 1, "unlocked\n", false)->code == ErrorCode::engine_failed);
  CHECK(diagnose(*engine, 0, "locked\n", false)->code == ErrorCode::input_encrypted);
  // What the machine lacks is not the document's fault.
  CHECK(diagnose(*engine, 1, "locked\nCannot allocate memory", false)->code == ErrorCode::out_of_memory);
}
