#include "convd/runner/workspace.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "tests/support/catch.h"
#include "tests/support/temp_directory.h"

using namespace convd::runner;

namespace {

constexpr uid_t nobody_else = static_cast<uid_t>(-1);

void write(const std::string& path, std::size_t size) {
  std::ofstream(path) << std::string(size, 'x');
}

// Deeper than a path can name and than descriptors would last.
void dig(const std::string& where, int depth) {
  int at = open(where.c_str(), O_RDONLY | O_DIRECTORY);
  for (int i = 0; i < depth; ++i) {
    mkdirat(at, "deeper", 0700);
    const int next = openat(at, "deeper", O_RDONLY | O_DIRECTORY);
    close(openat(next, "file", O_WRONLY | O_CREAT, 0600));
    close(at);
    at = next;
  }
  close(at);
}

}  // namespace

TEST_CASE("names are sorted as people count") {
  CHECK(natural_less("page-9.png", "page-10.png"));
  CHECK_FALSE(natural_less("page-10.png", "page-9.png"));
  CHECK(natural_less("page-09.png", "page-10.png"));
  CHECK(natural_less("a", "b"));
  CHECK(natural_less("a", "a1"));
  CHECK(natural_less("a2b3", "a2b10"));
  CHECK(natural_less("99999999999999999999998", "99999999999999999999999"));
  CHECK_FALSE(natural_less("same", "same"));
  CHECK(natural_less("p1", "p01") != natural_less("p01", "p1"));
}

TEST_CASE("a workspace lives as long as its object") {
  const tests::TempDirectory directory;
  const std::string path = directory / "1";
  {
    auto workspace = Workspace::make(path, nobody_else);
    REQUIRE(workspace.ok());
    write(workspace->out() + "/result.txt", 5);
    REQUIRE(workspace->outputs().size() == 1);
    CHECK(workspace->outputs()[0].size_bytes == 5);
    CHECK(workspace->open("result.txt").ok());
    CHECK_FALSE(workspace->open("../in").ok());
    CHECK_FALSE(Workspace::make(path, nobody_else).ok());  // never somebody else's
    CHECK(std::filesystem::exists(path));
    const Workspace moved = *std::move(workspace);
    CHECK(moved.outputs().size() == 1);
  }
  CHECK_FALSE(std::filesystem::exists(path));
}

TEST_CASE("only plain files of one name can be opened") {
  const tests::TempDirectory directory;
  const auto workspace = *Workspace::make(directory / "1", nobody_else);
  const std::string out = workspace.out();
  for (const char* name : {"/good", "/twin"}) write(out + name, 5);
  write(directory / "outside", 5);
  std::filesystem::create_hard_link(out + "/twin", out + "/other");
  std::filesystem::create_symlink(out + "/good", out + "/near");
  std::filesystem::create_symlink(directory / "outside", out + "/far");
  std::filesystem::create_directory(out + "/sub");
  write(out + "/sub/below", 5);
  REQUIRE(mkfifo((out + "/pipe").c_str(), 0600) == 0);
  CHECK(workspace.open("good").ok());
  for (const char* name : {"twin", "other", "near", "far", "sub", "sub/below", "pipe", "../in", "..", "", "none"}) {
    INFO(name);
    CHECK_FALSE(workspace.open(name).ok());
  }
  REQUIRE(workspace.outputs().size() == 1);
  CHECK(workspace.outputs()[0].name == "good");
}

TEST_CASE("output is counted at every depth") {
  const tests::TempDirectory directory;
  const auto workspace = *Workspace::make(directory / "1", nobody_else);
  write(workspace.out() + "/top", 100);
  std::filesystem::create_directory(workspace.out() + "/sub");
  write(workspace.out() + "/sub/below", 100);
  std::filesystem::create_hard_link(workspace.out() + "/top", workspace.out() + "/sub/link");
  std::filesystem::create_symlink("/dev/zero", workspace.out() + "/zero");

  CHECK_FALSE(workspace.exceeds(0, 0));
  CHECK_FALSE(workspace.exceeds(400, 0));
  CHECK(workspace.exceeds(299, 0));
  CHECK_FALSE(workspace.exceeds(0, 5));
  CHECK(workspace.exceeds(0, 4));

  dig(workspace.out(), 40);
  CHECK(workspace.exceeds(0, 0));
}

TEST_CASE("everything is removed, however deep and whatever its mode") {
  const tests::TempDirectory directory;
  const std::string path = directory / "tree";
  std::filesystem::create_directories(path + "/closed/inner");
  write(path + "/closed/inner/file", 1);
  write(directory / "outside", 1);
  std::filesystem::create_symlink(directory.path(), path + "/way-out");
  std::filesystem::create_symlink(directory.path(), path + "/closed/way-out");
  dig(path, 3000);
  chmod((path + "/closed/inner").c_str(), 0000);
  chmod((path + "/closed").c_str(), 0000);
  remove_tree(path);
  CHECK_FALSE(std::filesystem::exists(path));
  CHECK(std::filesystem::exists(directory / "outside"));
  remove_tree(directory / "not-there");
}
