#include "convd/office/zygote.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <stdexcept>
#include <thread>

#include "convd/office/descriptors.h"
#include "convd/process/pidfd.h"
#include "tests/support/catch.h"
#include "tests/support/processes.h"
#include "tests/support/temp_directory.h"

using namespace convd;
using namespace std::chrono_literals;
using process::ChildEnded;
using process::ChildStarted;
using process::OfficeReady;

namespace {

constexpr int patience_ms = 60'000;
constexpr int not_started = 126 << 8;

std::string content_of(const std::string& path) {
  std::ifstream in(path);
  return {std::istreambuf_iterator<char>(in), {}};
}

// Known in a spare and nowhere else.
bool touched = false;

void touch(const std::string& directory) {
  touched = std::filesystem::is_directory(directory);
}

// What LibreOffice would do. The export filter says what happens to this document.
std::optional<process::OfficeFailed> fake_convert(const process::OfficeJob& job, const std::string& workspace,
                                                  const office::Notes& note) {
  const std::string& what = job.export_filter;
  const std::string text = content_of(workspace + "/in/" + job.input);
  if (what == "copy") std::ofstream(workspace + "/out/" + job.output) << text;
  if (what == "fail") return process::OfficeFailed{shared::ErrorCode::input_encrypted, "it has a password"};
  if (what == "throw") throw std::runtime_error("unheard of");
  if (what == "throw oddly") throw 7;
  if (what == "terminate") std::terminate();
  if (what == "descriptors") note(process::OfficePages{static_cast<std::int64_t>(office::open_descriptors().size())});
  if (what == "touched") note(process::OfficePages{touched ? 1 : 0});
  if (what == "surroundings") {
    std::ofstream out(workspace + "/out/" + job.output);
    out << content_of("/proc/self/oom_score_adj") << getenv("TMPDIR") << "\n"
        << nice(0) << "\n"
        << (getsid(0) == getpid());
  }
  if (what == "wait" || what == "fork and wait") {
    if (what == "fork and wait") {
      const pid_t pid = fork();
      if (pid == 0) pause();
      note(process::OfficePages{pid});
    }
    note(process::OfficeStep{});
    for (;;) pause();
  }
  return std::nullopt;
}

// A zygote in a process of its own, and the runner's end of its socket.
class World {
 public:
  explicit World(office::ZygoteOptions options = {}, std::function<void(const std::string&)> pre_touch = {}) {
    options.version = "7.4.7.2";
    options.temp_dir = temp_.path();
    std::array<int, 2> ends{-1, -1};
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends.data()) != 0) throw std::runtime_error("socketpair");
    loop::UniqueFd theirs(ends[1]);
    socket_ = loop::UniqueFd(ends[0]);
    pid_ = fork();
    if (pid_ != 0) return;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    office::close_all_but({theirs.get()});  // as main() does: what is open now is taken for LibreOffice's
    office::Work work;
    work.pre_touch = pre_touch ? std::move(pre_touch) : [](const std::string&) {};
    work.prepare = [](const process::OfficeJob&, const std::string&) {};
    work.convert = fake_convert;
    int code = 0;
    {
      office::Zygote zygote(std::move(theirs), std::move(work), nullptr, std::move(options));
      code = zygote.serve();
    }
    _exit(code);
  }
  ~World() {
    if (pid_ <= 0) return;
    ::kill(pid_, SIGKILL);
    waitpid(pid_, nullptr, 0);
  }

  struct Conversion {
    std::string workspace;
    loop::UniqueFd out;
    loop::UniqueFd err;
    loop::UniqueFd pidfd;
  };

  void send(const process::OfficeMessage& message, std::vector<loop::UniqueFd> descriptors = {}) {
    send_text(process::encode_office(message), std::move(descriptors));
  }
  void send_text(std::string text, std::vector<loop::UniqueFd> descriptors = {}) {
    REQUIRE(process::send_packet(socket_.get(), {std::move(text), std::move(descriptors)}) == process::Sent::yes);
  }

  // Asks for a conversion and returns at once.
  Conversion ask(process::ChildId id, const std::string& what, const std::vector<std::string>& groups = {}) {
    Conversion asked;
    asked.workspace = temp_ / std::to_string(id);
    for (const char* part : {"/in", "/out", "/tmp"}) std::filesystem::create_directories(asked.workspace + part);
    process::Convert convert;
    convert.id = id;
    convert.workspace = asked.workspace;
    convert.job.input = "source.txt";
    convert.job.output = "result.txt";
    convert.job.export_filter = what;
    convert.limits.open_files = 100;
    std::vector<loop::UniqueFd> descriptors;
    descriptors.push_back(pipe_to(asked.out));
    descriptors.push_back(pipe_to(asked.err));
    std::ofstream(temp_ / "source") << "the document";
    descriptors.emplace_back(open((temp_ / "source").c_str(), O_RDONLY | O_CLOEXEC));
    for (const std::string& group : groups)
      descriptors.emplace_back(open(group.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
    send(convert, std::move(descriptors));
    return asked;
  }
  // Until it has begun.
  Conversion begin(process::ChildId id, const std::string& what, const std::vector<std::string>& groups = {}) {
    Conversion asked = ask(id, what, groups);
    process::Packet packet = next();
    CHECK(std::get<ChildStarted>(*process::decode_office(packet.text)).id == id);
    REQUIRE(packet.descriptors.size() == 1);
    asked.pidfd = std::move(packet.descriptors.front());
    return asked;
  }

  process::Packet next() {
    process::Packet packet;
    pollfd watched{socket_.get(), POLLIN, 0};
    REQUIRE(poll(&watched, 1, patience_ms) == 1);
    REQUIRE(process::receive_packet(socket_.get(), buffer_, packet) == process::Received::yes);
    return packet;
  }
  template <typename T>
  T expect() {
    const process::Packet packet = next();
    INFO(packet.text);
    const auto message = process::decode_office(packet.text);
    REQUIRE(message.ok());
    REQUIRE(std::holds_alternative<T>(*message));
    return std::get<T>(*message);
  }
  int end_of(process::ChildId id) {
    const auto ended = expect<ChildEnded>();
    CHECK(ended.id == id);
    return ended.status;
  }
  int exit_code() {
    int status = 0;
    waitpid(std::exchange(pid_, -1), &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
  }
  bool is_silent() {
    pollfd watched{socket_.get(), POLLIN, 0};
    return poll(&watched, 1, 0) == 0;
  }
  void hang_up() { socket_.reset(); }
  pid_t pid() const { return pid_; }
  const tests::TempDirectory& temp() const { return temp_; }

 private:
  static loop::UniqueFd pipe_to(loop::UniqueFd& reader) {
    std::array<int, 2> ends{-1, -1};
    REQUIRE(pipe2(ends.data(), O_CLOEXEC) == 0);
    reader = loop::UniqueFd(ends[0]);
    return loop::UniqueFd(ends[1]);
  }

  tests::TempDirectory temp_;
  loop::UniqueFd socket_;
  std::vector<char> buffer_;
  pid_t pid_ = -1;
};

// All that will ever come.
std::string all_of(const loop::UniqueFd& fd) {
  std::string text;
  std::array<char, 4096> piece{};
  for (;;) {
    pollfd watched{fd.get(), POLLIN, 0};
    REQUIRE(poll(&watched, 1, patience_ms) == 1);
    const ssize_t length = read(fd.get(), piece.data(), piece.size());
    if (length <= 0) return text;
    text.append(piece.data(), static_cast<std::size_t>(length));
  }
}

std::string line_of(const loop::UniqueFd& fd) {
  std::string text;
  char letter = 0;
  while (read(fd.get(), &letter, 1) == 1 && letter != '\n') text += letter;
  return text;
}

bool ends(const loop::UniqueFd& pidfd) {
  pollfd watched{pidfd.get(), POLLIN, 0};
  return poll(&watched, 1, patience_ms) == 1;
}

std::size_t descriptors_of(pid_t pid) {
  const std::filesystem::directory_iterator all("/proc/" + std::to_string(pid) + "/fd");
  return static_cast<std::size_t>(std::distance(all, {}));
}

// Meanwhile the zygote goes on with its spares.
bool eventually(const std::function<bool()>& holds) {
  const auto end = std::chrono::steady_clock::now() + std::chrono::milliseconds(patience_ms);
  while (!holds()) {
    if (std::chrono::steady_clock::now() >= end) return false;
    poll(nullptr, 0, 1);
  }
  return true;
}

office::ZygoteOptions without_spares() {
  office::ZygoteOptions options;
  options.spares = 0;
  return options;
}

office::ZygoteOptions with_spares(int count) {
  office::ZygoteOptions options;
  options.spares = count;
  options.idle = 0ms;
  options.back_off = 1ms;
  return options;
}

}  // namespace

TEST_CASE("a document is converted in a child of its own, whose start and end are told") {
  World world(without_spares());
  CHECK(world.expect<OfficeReady>().version == "7.4.7.2");
  const auto conversion = world.begin(7, "copy");
  const auto ended = world.expect<ChildEnded>();
  CHECK(ended.id == 7);
  CHECK(ended.status == 0);
  CHECK(ended.peak_rss_bytes > 0);
  CHECK(ends(conversion.pidfd));
  CHECK(content_of(conversion.workspace + "/out/result.txt") == "the document");
  CHECK((std::filesystem::status(conversion.workspace + "/in/source.txt").permissions() &
         std::filesystem::perms::all) == static_cast<std::filesystem::perms>(0444));
  CHECK(all_of(conversion.out).empty());
}

TEST_CASE("every way to fail is an end that is not success") {
  World world(without_spares());
  world.expect<OfficeReady>();
  SECTION("a failure that is known is told in its words") {
    const auto conversion = world.begin(1, "fail");
    CHECK(world.end_of(1) == 1 << 8);
    const auto note = process::decode_note(line_of(conversion.out));
    REQUIRE(note);
    CHECK(std::get<process::OfficeFailed>(*note).code == shared::ErrorCode::input_encrypted);
  }
  SECTION("an exception") {
    const auto usual = world.begin(2, "throw");
    CHECK(world.end_of(2) == 1 << 8);
    CHECK(all_of(usual.out).find("engine_failed") != std::string::npos);
    CHECK(all_of(usual.err).find("unheard of") != std::string::npos);
    const auto odd = world.begin(3, "throw oddly");
    CHECK(world.end_of(3) == 1 << 8);
    CHECK(all_of(odd.out).find("engine_failed") != std::string::npos);
  }
  SECTION("an end by the language's own means") {
    const auto conversion = world.begin(3, "terminate");
    CHECK(world.end_of(3) == SIGABRT);
  }
  SECTION("an input that is already there") {
    std::filesystem::create_directories(world.temp() / "4/in");
    std::ofstream(world.temp() / "4/in/source.txt") << "planted";
    const auto conversion = world.begin(4, "copy");
    CHECK(world.end_of(4) == 1 << 8);
    CHECK(all_of(conversion.err).find("copying the input") != std::string::npos);
  }
  CHECK(tests::children_of(world.pid()).size() == 0);
}

TEST_CASE("a child has the surroundings that the runner's other children have") {
  World world(without_spares());
  world.expect<OfficeReady>();
  const auto conversion = world.begin(1, "surroundings", {world.temp() / "group-1", world.temp() / "group-2"});
  CHECK(world.end_of(1) == 0);
  CHECK(content_of(conversion.workspace + "/out/result.txt") == "800\n" + conversion.workspace + "/tmp\n10\n1");
  CHECK(content_of(world.temp() / "group-1") == "0");
  CHECK(content_of(world.temp() / "group-2") == "0");
}

TEST_CASE("no descriptor is left, neither in a child nor in the zygote") {
  World world(with_spares(GENERATE(0, 1)));
  world.expect<OfficeReady>();
  std::size_t before = 0;
  for (process::ChildId id = 1; id <= 20; ++id) {
    const auto conversion = world.begin(id, "descriptors", {world.temp() / "group"});
    CHECK(line_of(conversion.out) == process::encode_note(process::OfficePages{3}));
    CHECK(world.end_of(id) == 0);
    if (id == 10) before = descriptors_of(world.pid());
  }
  const std::size_t of_a_spare = 2;
  // While one is made there are some more for a moment.
  CHECK(eventually([&] { return descriptors_of(world.pid()) <= before + of_a_spare; }));
}

TEST_CASE("the runner ends a child by its descriptor, and what it has forked ends too") {
  World world(without_spares());
  world.expect<OfficeReady>();
  const auto conversion = world.begin(1, "fork and wait");
  const auto note = process::decode_note(line_of(conversion.out));
  REQUIRE(note);
  const auto grandchild = process::open_pidfd(static_cast<pid_t>(std::get<process::OfficePages>(*note).count));
  REQUIRE(grandchild);
  line_of(conversion.out);
  CHECK(syscall(SYS_pidfd_send_signal, conversion.pidfd.get(), SIGKILL, nullptr, 0) == 0);
  CHECK(world.end_of(1) == SIGKILL);
  CHECK(ends(grandchild));
}

TEST_CASE("children do not outlive the zygote") {
  World world(with_spares(1));
  world.expect<OfficeReady>();
  const auto conversion = world.begin(1, "wait");
  line_of(conversion.out);
  SECTION("that is killed") {
    kill(world.pid(), SIGKILL);
    CHECK(world.exit_code() == -SIGKILL);
  }
  SECTION("that the runner has left") {
    world.hang_up();
    CHECK(world.exit_code() == 0);
  }
  CHECK(ends(conversion.pidfd));
}

TEST_CASE("drained, it takes no more and ends with its last child") {
  World world(with_spares(2));
  world.expect<OfficeReady>();
  const auto conversion = world.begin(1, "wait");
  line_of(conversion.out);
  CHECK(tests::children_of(world.pid()).size() >= 1);
  world.send(process::Drain{});
  const auto late = world.ask(2, "copy");
  CHECK(world.end_of(2) == not_started);
  CHECK(world.is_silent());
  CHECK(tests::children_of(world.pid()).size() == 1);  // no spares any more
  CHECK(syscall(SYS_pidfd_send_signal, conversion.pidfd.get(), SIGKILL, nullptr, 0) == 0);
  CHECK(world.end_of(1) == SIGKILL);
  CHECK(world.exit_code() == 0);
}

TEST_CASE("what makes no sense harms nobody") {
  World world(without_spares());
  world.expect<OfficeReady>();
  const auto conversion = world.begin(1, "wait");
  line_of(conversion.out);
  SECTION("no message at all") {
    std::array<int, 2> ends{-1, -1};
    REQUIRE(pipe2(ends.data(), O_CLOEXEC) == 0);
    const loop::UniqueFd reader(ends[0]);
    std::vector<loop::UniqueFd> descriptors;
    descriptors.emplace_back(ends[1]);
    world.send_text("{\"type\":\"convert\"", std::move(descriptors));
    CHECK(all_of(reader).empty());  // closed, not kept
  }
  SECTION("a message that we send ourselves") {
    world.send(OfficeReady{});
  }
  SECTION("a document without descriptors") {
    process::Convert convert;
    convert.id = 2;
    convert.workspace = world.temp().path();
    convert.job.input = convert.job.output = "name";
    world.send(convert);
    CHECK(world.end_of(2) == not_started);
  }
  SECTION("names that lead elsewhere") {
    for (const char* name : {"", ".", "..", "../2", "a/b", "/etc/passwd"}) {
      process::Convert convert;
      convert.id = 3;
      convert.workspace = world.temp().path();
      convert.job.input = name;
      convert.job.output = "name";
      CHECK_FALSE(office::check(convert, 3).ok());
      std::swap(convert.job.input, convert.job.output);
      CHECK_FALSE(office::check(convert, 3).ok());
    }
  }
  const auto next = world.begin(9, "copy");
  CHECK(world.end_of(9) == 0);
  CHECK(kill(world.pid(), 0) == 0);
}

TEST_CASE("a spare that has prepared itself takes the next document") {
  World world(with_spares(1), touch);
  world.expect<OfficeReady>();
  process::ChildId id = 0;
  std::string note;
  while (note != process::encode_note(process::OfficePages{1}) && id < 2'000) {
    const auto conversion = world.begin(++id, "touched");
    note = line_of(conversion.out);
    CHECK(world.end_of(id) == 0);
  }
  CHECK(note == process::encode_note(process::OfficePages{1}));
  // Its own place is gone; so is, when it has prepared itself, that of the next one.
  CHECK(eventually([&] {
    const std::filesystem::directory_iterator all(world.temp().path());
    return std::none_of(begin(all), end(all),
                        [](const auto& entry) { return entry.path().filename().string().starts_with("spare-"); });
  }));
}

TEST_CASE("a spare that dies is replaced, and nobody waits for one") {
  World world(with_spares(1), [](const std::string&) { abort(); });
  world.expect<OfficeReady>();
  for (process::ChildId id = 1; id <= 20; ++id) {
    const auto conversion = world.begin(id, "touched");
    CHECK(line_of(conversion.out) == process::encode_note(process::OfficePages{0}));
    CHECK(world.end_of(id) == 0);
  }
}

TEST_CASE("a second thread stops the forking, not the process that forks") {
  // In a process of its own: the thread never ends.
  const pid_t pid = fork();
  if (pid == 0) {
    std::thread([] { pause(); }).detach();
    const auto forked = office::fork_child(1ms, [] { _exit(0); });
    _exit(!forked && forked.error().message == "2 threads where there must be one" ? 0 : 1);
  }
  int status = -1;
  waitpid(pid, &status, 0);
  CHECK(status == 0);
}

TEST_CASE("what was open before is not shared with a child") {
  tests::TempDirectory temp;
  std::ofstream(temp / "file") << "content";
  std::array<int, 2> ends{-1, -1};
  REQUIRE(pipe2(ends.data(), O_CLOEXEC | O_NONBLOCK) == 0);
  const loop::UniqueFd reader(ends[0]);
  const loop::UniqueFd writer(ends[1]);
  const loop::UniqueFd file(open((temp / "file").c_str(), O_RDWR | O_CLOEXEC));
  const loop::UniqueFd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const pid_t pid = fork();
  if (pid == 0) {
    office::separate({reader.get(), writer.get(), file.get(), socket.get()});
    char letter = 0;
    int wrong = 0;
    wrong |= write(file.get(), "x", 1) == 1 ? 1 : 0;
    wrong |= read(file.get(), &letter, 1) == 1 && letter == 'c' ? 0 : 2;
    wrong |= fcntl(socket.get(), F_GETFD) == -1 ? 0 : 4;
    wrong |= read(reader.get(), &letter, 1) == -1 && errno == EAGAIN ? 0 : 8;  // still without waiting
    wrong |= write(writer.get(), "y", 1) == 1 && read(reader.get(), &letter, 1) == 1 && letter == 'y' ? 0 : 16;
    wrong |= write(writer.get(), "z", 1) == 1 ? 0 : 32;
    _exit(wrong);
  }
  int status = -1;
  waitpid(pid, &status, 0);
  CHECK(WEXITSTATUS(status) == 0);
  char letter = 0;
  CHECK(read(reader.get(), &letter, 1) == -1);  // nothing of it has come here
  CHECK(lseek(file.get(), 0, SEEK_CUR) == 0);
}
