#include "convd/store/files.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

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

TEST_CASE("the sweep removes what nobody came back for, and keeps the rest") {
  World world;
  const std::string kept = world.publish("hello");
  const std::string unknown = world.publish("bye");
  REQUIRE(world.files.publish_result("kept", "x", world.source("x").get(), plenty));
  REQUIRE(world.files.publish_result("unknown", "x", world.source("x").get(), plenty));
  std::ofstream(world.state("incoming/left over")) << "half";
  const auto keep_result = [](std::string_view id) { return id == "kept"; };
  const auto keep_blob = [&](std::string_view sha256) { return sha256 == kept; };
  CHECK(world.files.sweep(keep_result, keep_blob) == 3);
  CHECK(world.files.sweep(keep_result, keep_blob) == 0);
  CHECK(world.files.open_blob(kept).ok());
  CHECK_FALSE(world.files.open_blob(unknown).ok());
  CHECK(world.files.open_result("kept", "x").ok());
  CHECK(world.files.open_result("unknown", "x").error().code == ErrorCode::result_gone);
  CHECK(files_below(world.state("incoming")) == 0);
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
