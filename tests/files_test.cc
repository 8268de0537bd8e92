#include "convd/store/files.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <fstream>

#include "convd/store/file_io.h"
#include "convd/store/sha256.h"
#include "convd/store/zip.h"
#include "tests/support/catch.h"
#include "tests/support/small_disk.h"
#include "tests/support/temp_directory.h"

namespace fs = std::filesystem;
using convd::loop::UniqueFd;
using convd::store::Files;
using convd::store::Upload;
using shared::ErrorCode;

namespace {

const std::string hello_digest = "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824";
const std::string empty_digest = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
constexpr std::int64_t plenty = 1 << 30;

// What this program has brought to the disk, and whether its disk refuses directories.
struct Syncs {
  std::vector<std::string> paths;
  bool refuses_directories = false;

  int count(const std::string& path) const { return static_cast<int>(std::count(paths.begin(), paths.end(), path)); }
};
Syncs syncs;

std::string content(const UniqueFd& fd) {
  std::string text(static_cast<std::size_t>(::lseek(fd.get(), 0, SEEK_END)), '\0');
  REQUIRE(::pread(fd.get(), text.data(), text.size(), 0) == static_cast<ssize_t>(text.size()));
  return text;
}

std::string output_of(const std::string& command) {
  std::string text;
  FILE* pipe = ::popen(command.c_str(), "r");
  REQUIRE(pipe != nullptr);
  for (int c = std::fgetc(pipe); c != EOF; c = std::fgetc(pipe)) text += static_cast<char>(c);
  text += "exit " + std::to_string(WEXITSTATUS(::pclose(pipe)));
  return text;
}

mode_t mode_of(const std::string& path) {
  struct stat facts {};
  REQUIRE(::stat(path.c_str(), &facts) == 0);
  return facts.st_mode & 07777;
}

int files_below(const std::string& directory) {
  int count = 0;
  for (const auto& entry : fs::recursive_directory_iterator(directory)) count += entry.is_regular_file() ? 1 : 0;
  return count;
}

struct World {
  tests::TempDirectory directory;
  Files files = std::move(Files::open(directory / "state")).value();

  std::string state(const std::string& name) const { return directory / ("state/" + name); }
  UniqueFd source(std::string_view text) {
    UniqueFd fd(::open((directory / "source").c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
    REQUIRE(convd::store::write_all(fd.get(), text).ok());
    return fd;
  }
  std::unique_ptr<Upload> upload(std::string_view text) {
    auto upload = files.begin_upload();
    REQUIRE(upload);
    REQUIRE((*upload)->append(text).ok());
    return std::move(*upload);
  }
  std::string publish(std::string_view text) {
    auto sent = upload(text);
    REQUIRE(files.publish_blob(*sent).ok());
    return sent->sha256();
  }
};

}  // namespace

// In place of the C library's.
extern "C" int fsync(int fd) {
  struct stat facts {};
  if (::fstat(fd, &facts) == 0 && S_ISDIR(facts.st_mode)) {
    if (syncs.refuses_directories) {
      errno = EIO;
      return -1;
    }
    syncs.paths.push_back(fs::read_symlink("/proc/self/fd/" + std::to_string(fd)));
  }
  return static_cast<int>(::syscall(SYS_fsync, fd));
}

TEST_CASE("an upload becomes a blob under its digest") {
  World world;
  {
    auto upload = world.files.begin_upload();
    REQUIRE(upload);
    CHECK((*upload)->append("hel").ok());
    CHECK((*upload)->append("lo").ok());
    CHECK((*upload)->size_bytes() == 5);
    CHECK((*upload)->sha256() == hello_digest);
    CHECK(world.files.open_blob(hello_digest).error().code == ErrorCode::not_found);
    REQUIRE(world.files.publish_blob(**upload).ok());
    CHECK_FALSE((*upload)->append("more").ok());
  }
  auto blob = world.files.open_blob(hello_digest);
  REQUIRE(blob);
  CHECK(content(*blob) == "hello");
  CHECK(mode_of(world.state("blobs/2c/" + hello_digest)) == 0644);
  CHECK(mode_of(world.state("blobs/2c")) == 0700);
  CHECK(mode_of(world.state("")) == 0700);
  CHECK(files_below(world.state("incoming")) == 0);
}

TEST_CASE("an upload that is dropped leaves nothing behind") {
  World world;
  auto upload = world.upload("half of a docu");
  CHECK(files_below(world.state("incoming")) == 1);
  upload.reset();
  CHECK(files_below(world.state("incoming")) == 0);
}

TEST_CASE("the same bytes are kept once") {
  World world;
  CHECK(world.publish("hello") == hello_digest);
  CHECK(world.publish("hello") == hello_digest);
  CHECK(world.publish("") == empty_digest);
  CHECK(files_below(world.state("")) == 2);
  SECTION("and a blob cut short by a dying disk is replaced by the next upload") {
    fs::resize_file(world.state("blobs/2c/" + hello_digest), 2);
    world.publish("hello");
    CHECK(content(*world.files.open_blob(hello_digest)) == "hello");
  }
  SECTION("until it is removed") {
    world.files.remove_blob(hello_digest);
    CHECK(world.files.open_blob(hello_digest).error().code == ErrorCode::not_found);
    CHECK(files_below(world.state("")) == 1);
  }
}

TEST_CASE("a name that the disk has refused is brought to it before a row relies on it") {
  World world;
  const std::string directory = fs::canonical(world.state("blobs")) / "2c";
  {
    auto upload = world.upload("hello");
    syncs = {{}, true};
    CHECK(world.files.publish_blob(*upload).error().code == ErrorCode::unavailable);
    CHECK(world.files.confirm_blob(hello_digest).error().code == ErrorCode::unavailable);
    syncs = {};
  }
  SECTION("by who finds it there") {
    CHECK(world.files.confirm_blob(hello_digest).ok());
    CHECK(syncs.count(directory) == 1);
    CHECK(world.files.confirm_blob(hello_digest).ok());
    CHECK(syncs.count(directory) == 1);
  }
  SECTION("by who brings the same bytes") {
    world.publish("hello");
    CHECK(syncs.count(directory) == 1);
    world.publish("hello");
    CHECK(syncs.count(directory) == 1);
  }
  SECTION("by the next process") {
    world.publish("hello");
    auto again = Files::open(world.directory / "state");
    syncs = {};
    CHECK(again->confirm_blob(hello_digest).ok());
    CHECK(syncs.count(directory) == 1);
  }
  SECTION("not when it is gone") {
    world.files.remove_blob(hello_digest);
    CHECK(world.files.confirm_blob(hello_digest).error().code == ErrorCode::not_found);
  }
}

TEST_CASE("a large upload is written back on its way and comes out whole") {
  World world;
  auto upload = world.files.begin_upload();
  REQUIRE(upload);
  const std::string piece(1 << 20, 'x');
  for (int i = 0; i < 20; ++i) REQUIRE((*upload)->append(piece).ok());
  REQUIRE(world.files.publish_blob(**upload).ok());
  auto blob = world.files.open_blob((*upload)->sha256());
  REQUIRE(blob);
  CHECK(*convd::store::sha256_of(blob->get()) == (*upload)->sha256());
  CHECK(::lseek(blob->get(), 0, SEEK_END) == 20 << 20);
}

TEST_CASE(
    "a result is copied from the start of its source, replaces an earlier one, and readers keep what they opened") {
  World world;
  const UniqueFd source = world.source("hello");
  auto published = world.files.publish_result("id", "out.txt", source.get(), plenty);
  REQUIRE(published);
  CHECK(published->sha256 == hello_digest);
  CHECK(published->size_bytes == 5);
  CHECK(world.files.seal_results("id").ok());
  CHECK(mode_of(world.state("results/id/out.txt")) == 0644);
  CHECK(mode_of(world.state("results/id")) == 0700);

  auto reader = world.files.open_result("id", "out.txt");
  REQUIRE(reader);
  REQUIRE(world.files.publish_result("id", "out.txt", world.source("again").get(), plenty));
  CHECK(content(*reader) == "hello");
  CHECK(content(*world.files.open_result("id", "out.txt")) == "again");
  CHECK(files_below(world.state("")) == 1);
}

TEST_CASE("an attempt that comes too late touches nothing of a later one") {
  World world;
  const auto write = [&](int attempt, const std::string& text) {
    REQUIRE(world.files.publish_result(Files::run_name("id", attempt), "out.txt", world.source(text).get(), plenty));
  };
  const auto stored = [&] {
    const auto fd = world.files.open_result("id", "out.txt");
    return fd ? content(*fd) : std::string(shared::to_string(fd.error().code));
  };
  write(1, "first");
  CHECK(stored() == "result_gone");
  write(2, "second");
  SECTION("it seals after it") {
    REQUIRE(world.files.seal_run("id", 2).ok());
    write(1, "late");
    CHECK(stored() == "second");
    CHECK(world.files.seal_run("id", 1).error().code == ErrorCode::interrupted);
  }
  SECTION("it seals before it") {
    REQUIRE(world.files.seal_run("id", 1).ok());
    CHECK(stored() == "first");
    REQUIRE(world.files.seal_run("id", 2).ok());
  }
  SECTION("it is dropped after it") {
    REQUIRE(world.files.seal_run("id", 2).ok());
    world.files.drop_run("id", 1);
  }
  SECTION("it is the tenth, and sorts before the second") {
    REQUIRE(world.files.seal_run("id", 2).ok());
    write(10, "second");
    REQUIRE(world.files.seal_run("id", 10).ok());
    CHECK_FALSE(world.files.seal_run("id", 2).ok());
    world.files.drop_run("id", 1);
  }
  CHECK(stored() == "second");
  CHECK_FALSE(fs::exists(world.state("results/id.1")));
  CHECK_FALSE(fs::exists(world.state("results/id.2")));
  world.files.drop_run("id", 10);
  CHECK(stored() == "result_gone");
  CHECK(fs::is_empty(world.state("results")));
}

TEST_CASE("what an attempt has sealed is one directory, durable under its own name") {
  World world;
  const std::string run = Files::run_name("id", 3);
  REQUIRE(world.files.publish_result(run, "a-1.txt", world.source("one").get(), plenty));
  REQUIRE(world.files.publish_result(run, "a-2.txt", world.source("two").get(), plenty));
  REQUIRE(world.files.publish_zip(run, "a.zip", {"a-1.txt", "a-2.txt"}));
  REQUIRE(world.files.seal_run("id", 3).ok());
  CHECK(content(*world.files.open_result("id", "a-2.txt")) == "two");
  CHECK(world.files.open_result("id", "a.zip"));
  CHECK_FALSE(world.files.seal_run("id", 4).ok());  // has written nothing
  CHECK(content(*world.files.open_result("id", "a-1.txt")) == "one");
  CHECK(world.files.seal_run("../id", 1).error().code == ErrorCode::invalid_filename);
  // One from before there were marks, or that no attempt has made, gives way to any.
  REQUIRE(world.files.publish_result("old", "x", world.source("old").get(), plenty));
  REQUIRE(world.files.publish_result(Files::run_name("old", 1), "x", world.source("new").get(), plenty));
  REQUIRE(world.files.seal_run("old", 1).ok());
  CHECK(content(*world.files.open_result("old", "x")) == "new");
}

TEST_CASE("a result from another file system is copied as well") {
  World world;
  const UniqueFd source(::memfd_create("source", MFD_CLOEXEC));
  REQUIRE(convd::store::write_all(source.get(), "hello").ok());
  auto published = world.files.publish_result("id", "out.txt", source.get(), plenty);
  REQUIRE(published);
  CHECK(published->sha256 == hello_digest);
}

TEST_CASE("a result over the limit is refused and nothing of it stays") {
  World world;
  const UniqueFd source = world.source("hello");
  CHECK(world.files.publish_result("id", "out.txt", source.get(), 4).error().code == ErrorCode::output_too_large);
  CHECK(files_below(world.state("")) == 0);
  CHECK(world.files.publish_result("id", "out.txt", source.get(), 5).ok());
}

TEST_CASE("what is in the way of a result fails it, and nothing else of it stays") {
  World world;
  fs::create_directories(world.state("results/id/out.txt/in the way"));
  CHECK(world.files.publish_result("id", "out.txt", world.source("x").get(), plenty).error().code ==
        ErrorCode::unavailable);
  CHECK(files_below(world.state("")) == 0);
}

TEST_CASE("names that are not one file's are refused") {
  World world;
  const UniqueFd source = world.source("x");
  for (const std::string& name : {std::string("../x"), std::string(".."), std::string("."), std::string(""),
                                  std::string("a/b"), std::string("a\0b", 3), std::string(256, 'n')}) {
    CAPTURE(name);
    CHECK(world.files.publish_result("id", name, source.get(), plenty).error().code == ErrorCode::invalid_filename);
    CHECK(world.files.publish_result(name, "x", source.get(), plenty).error().code == ErrorCode::invalid_filename);
    CHECK(world.files.open_result("id", name).error().code == ErrorCode::invalid_filename);
    CHECK(world.files.open_blob(name).error().code == ErrorCode::invalid_filename);
    CHECK(world.files.seal_results(name).error().code == ErrorCode::invalid_filename);
    world.files.remove_results(name);
  }
  CHECK(fs::exists(world.state("results")));
  CHECK(world.files.publish_result("id", std::string(255, 'n'), source.get(), plenty).ok());
}

TEST_CASE("only a regular file can be a result, and a link is not followed") {
  World world;
  const UniqueFd directory(::open("/", O_RDONLY | O_CLOEXEC));
  CHECK(world.files.publish_result("id", "x", directory.get(), plenty).error().code == ErrorCode::unavailable);
  REQUIRE(world.files.publish_result("id", "y", world.source("y").get(), plenty));
  fs::create_symlink("/etc/hostname", world.state("results/id/link"));
  CHECK(world.files.open_result("id", "link").error().code == ErrorCode::unavailable);
}

TEST_CASE("what is gone and what never was are told apart") {
  World world;
  REQUIRE(world.files.publish_result("id", "x", world.source("x").get(), plenty));
  CHECK(world.files.open_result("id", "other").error().code == ErrorCode::not_found);
  world.files.remove_results("id");
  CHECK(world.files.open_result("id", "x").error().code == ErrorCode::result_gone);
}

TEST_CASE("a result gets a second name when it is what it should be") {
  World world;
  const auto source = world.source("hello");
  const auto published = world.files.publish_result("one", "a.txt", source.get(), plenty);
  REQUIRE(published);
  REQUIRE(world.files.link_result("one", "a.txt", "two", "b.txt", *published).ok());
  REQUIRE(world.files.seal_results("two").ok());
  CHECK(content(*world.files.open_result("two", "b.txt")) == "hello");
  CHECK(fs::hard_link_count(world.state("results/one/a.txt")) == 2);
  world.files.remove_results("one");
  CHECK(content(*world.files.open_result("two", "b.txt")) == "hello");
  CHECK(world.files.link_result("one", "a.txt", "two", "c.txt", *published).error().code == ErrorCode::result_gone);
  CHECK(world.files.link_result("two", "a.txt", "two", "c.txt", *published).error().code == ErrorCode::not_found);
  for (const std::string bad : {"../x", "", "a/b"}) {
    CHECK(world.files.link_result(bad, "b.txt", "two", "c.txt", *published).error().code ==
          ErrorCode::invalid_filename);
    CHECK(world.files.link_result("two", bad, "two", "c.txt", *published).error().code == ErrorCode::invalid_filename);
    CHECK(world.files.link_result("two", "b.txt", bad, "c.txt", *published).error().code ==
          ErrorCode::invalid_filename);
    CHECK(world.files.link_result("two", "b.txt", "two", bad, *published).error().code == ErrorCode::invalid_filename);
  }
}

TEST_CASE("a result that is damaged gets no second name") {
  World world;
  const auto source = world.source("hello");
  const auto published = world.files.publish_result("one", "a.txt", source.get(), plenty);
  REQUIRE(published);
  const std::string path = world.state("results/one/a.txt");
  SECTION("another byte") {
    std::ofstream(path) << "hellO";
  }
  SECTION("another size") {
    fs::resize_file(path, 4);
  }
  CHECK(world.files.link_result("one", "a.txt", "two", "b.txt", *published).error().code == ErrorCode::result_damaged);
  CHECK_FALSE(fs::exists(world.state("results/two/b.txt")));
  CHECK(fs::exists(path));
}

TEST_CASE("several results make a zip that others can read") {
  World world;
  const std::string text(100'000, 'a');
  REQUIRE(world.files.publish_result("id", "page-1.png", world.source(text).get(), plenty));
  REQUIRE(world.files.publish_result("id", "Übersicht 概要.txt", world.source(text).get(), plenty));
  auto zip = world.files.publish_zip("id", "all.zip", {"page-1.png", "Übersicht 概要.txt"});
  REQUIRE(zip);
  const std::string path = world.state("results/id/all.zip");
  CHECK(zip->size_bytes == static_cast<std::int64_t>(fs::file_size(path)));
  CHECK(zip->sha256 == *convd::store::sha256_of(world.files.open_result("id", "all.zip")->get()));
  // Name, flag for UTF-8 names, method (0 stored, 8 deflated), size, checksums.
  const std::string listing = output_of(
      "python3 -c 'import sys, zipfile\nz = zipfile.ZipFile(sys.argv[1])\n"
      "print(ascii([(i.filename, i.flag_bits & 2048, i.compress_type, i.file_size) for i in z.infolist()]), "
      "z.testzip())' " +
      path);
  CHECK(listing ==
        "[('page-1.png', 0, 0, 100000), ('\\xdcbersicht \\u6982\\u8981.txt', 2048, 8, 100000)] None\nexit 0");
  CHECK(world.files.publish_zip("id", "all.zip", {"absent"}).error().code == ErrorCode::not_found);
}

TEST_CASE("what lies in incoming and no upload writes is removed, and nothing else") {
  World world;
  auto living = world.upload("half of a docu");
  const std::string dropped = [&] {
    const auto upload = world.upload("gone");
    auto walk = world.files.walk_incoming();
    const auto names = walk.next(10);
    CHECK(names.size() == 2);
    return names.front();
  }();
  std::ofstream(world.state("incoming/left over")) << "half";
  auto walk = world.files.walk_incoming();
  int removed = 0;
  for (const std::string& name : walk.next(10)) removed += world.files.remove_incoming(name) ? 1 : 0;
  CHECK(removed == 1);
  CHECK_FALSE(world.files.remove_incoming("../convd.db"));
  CHECK(files_below(world.state("incoming")) == 1);
  REQUIRE(living->append("ment").ok());
  REQUIRE(world.files.publish_blob(*living).ok());
  CHECK(files_below(world.state("blobs")) == 1);
}

TEST_CASE("a directory is walked some names at a time") {
  World world;
  for (const char* id : {"a", "b", "c"}) {
    REQUIRE(world.files.publish_result(id, "x", world.source("x").get(), plenty));
  }
  auto walk = world.files.walk_results();
  auto names = walk.next(2);
  CHECK(names.size() == 2);
  for (const std::string& name : walk.next(2)) names.push_back(name);
  std::sort(names.begin(), names.end());
  CHECK(names == std::vector<std::string>{"a", "b", "c"});
  CHECK(walk.next(2).empty());
  CHECK(world.files.walk_blobs("no such prefix").next(1).empty());
}

TEST_CASE("an upload asks its gate before it writes") {
  World world;
  auto upload = world.files.begin_upload();
  REQUIRE(upload);
  (*upload)->set_gate([](std::int64_t size_bytes) -> shared::Result<void> {
    if (size_bytes <= 5) return {};
    return shared::Error{ErrorCode::quota_exceeded, "no more", ""};
  });
  CHECK((*upload)->append("hello").ok());
  CHECK((*upload)->append("!").error().code == ErrorCode::quota_exceeded);
  CHECK((*upload)->size_bytes() == 5);
}

TEST_CASE("a state directory that cannot be used is named") {
  tests::TempDirectory directory;
  std::ofstream(directory / "file") << "not a directory";
  auto files = Files::open(directory / "file");
  REQUIRE_FALSE(files);
  CHECK(files.error().code == ErrorCode::unavailable);
  CHECK(files.error().message.find(directory / "file") == 0);
  CHECK(Files::open(directory / "made/with/parents").ok());
}

TEST_CASE("what cannot be brought to the disk is told of") {
  std::array<int, 2> ends{};
  REQUIRE(::pipe2(ends.data(), O_CLOEXEC) == 0);
  const UniqueFd out(ends[0]);
  const UniqueFd in(ends[1]);
  CHECK_FALSE(convd::store::sync_file(in.get()).ok());  // nothing can be synced there
  CHECK_FALSE(convd::store::sync_directory("/nowhere").ok());
}

TEST_CASE("a full disk is called that, and taking things away helps") {
  const tests::SmallDisk disk;
  if (!disk.mounted()) {
    WARN("skipped: cannot mount a small tmpfs (not root?)");
    return;
  }
  auto files = Files::open(disk.path() + "/state");
  REQUIRE(files);
  CHECK(files->free_bytes() <= 1 << 20);
  const std::string much(2 << 20, 'm');
  {
    auto upload = files->begin_upload();
    REQUIRE(upload);
    auto appended = (*upload)->append(much);
    REQUIRE_FALSE(appended);
    CHECK(appended.error().code == ErrorCode::disk_full);
    CHECK(appended.error().message.find('/') == std::string::npos);
  }
  CHECK(files_below(disk.path()) == 0);

  const UniqueFd source(::memfd_create("source", MFD_CLOEXEC));
  REQUIRE(convd::store::write_all(source.get(), much).ok());
  CHECK(files->publish_result("id", "x", source.get(), plenty).error().code == ErrorCode::disk_full);
  CHECK(files_below(disk.path()) == 0);

  REQUIRE(::ftruncate(source.get(), 600 << 10) == 0);
  CHECK(files->publish_result("id", "x.png", source.get(), plenty).ok());
  CHECK(files->publish_zip("id", "all.zip", {"x.png"}).error().code == ErrorCode::disk_full);
  CHECK(files_below(disk.path()) == 1);
}
