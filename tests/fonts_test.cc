// Which fonts there are, and when that is certain.

#include "convd/jobs/fonts.h"

#include <chrono>
#include <filesystem>
#include <fstream>

#include "convd/process/font_set.h"
#include "tests/support/catch.h"
#include "tests/support/fake_loop.h"
#include "tests/support/memory_store.h"
#include "tests/support/temp_directory.h"

namespace fs = std::filesystem;
using namespace std::chrono_literals;
using convd::process::directories_changed;
using convd::process::look_at_fonts;

namespace {

// Below a directory of the test's own; everything in it as old as is said.
struct FontFolder {
  tests::TempDirectory directory;
  std::string root = directory / "fonts";

  FontFolder() { fs::create_directories(root + "/truetype"); }
  void write(const std::string& name, const std::string& bytes) const { std::ofstream(root + "/" + name) << bytes; }
  void date_file(const std::string& name, std::int64_t wall_ms) const {
    const auto wall = std::chrono::system_clock::time_point(std::chrono::milliseconds(wall_ms));
    fs::last_write_time(root + "/" + name, std::chrono::file_clock::from_sys(wall));
  }
  void date(std::int64_t wall_ms) const {
    for (const auto& entry : fs::recursive_directory_iterator(root))
      date_file(fs::relative(entry.path(), root), wall_ms);
    date_file("", wall_ms);
  }
  std::string stamp() const { return look_at_fonts({root}).stamp; }
};

}  // namespace

TEST_CASE("any file that comes, goes or changes makes another set of fonts") {
  FontFolder folder;
  folder.write("truetype/a.ttf", "aaaa");
  folder.write("b.ttf", "bbbb");
  const std::string before = folder.stamp();
  CHECK(folder.stamp() == before);
  SECTION("one comes") {
    folder.write("truetype/c.ttf", "cccc");
  }
  SECTION("one goes") {
    fs::remove(folder.root + "/b.ttf");
  }
  SECTION("one is renamed") {
    fs::rename(folder.root + "/b.ttf", folder.root + "/d.ttf");
  }
  SECTION("one has another size") {
    folder.write("b.ttf", "bbbbb");
  }
  SECTION("one is written anew") {
    fs::last_write_time(folder.root + "/b.ttf", fs::file_time_type::clock::now() + 5s);
  }
  CHECK(folder.stamp() != before);
}

TEST_CASE("the directories know of what comes and goes, and when") {
  FontFolder folder;
  folder.write("truetype/a.ttf", "aaaa");
  folder.date(1'000'000);
  const auto fonts = look_at_fonts({folder.root, folder.root + "/nothing"});
  CHECK(fonts.changed_ms == 1'000'000);
  CHECK(fonts.directories.size() == 2);
  CHECK_FALSE(directories_changed(fonts));
  folder.write("truetype/b.ttf", "bbbb");
  CHECK(directories_changed(fonts));
  CHECK(look_at_fonts({folder.root}).changed_ms > 1'000'000);
  CHECK(look_at_fonts({}).changed_ms == 0);
}

TEST_CASE("fonts are certain once they have been the same for a while") {
  FontFolder folder;
  tests::TempDirectory state;
  tests::FakeLoop loop;
  tests::MemoryStore store(loop, *convd::store::Files::open(state.path()));
  convd::jobs::Fonts fonts(loop, store, {folder.root});
  const auto wall_ms = [&] {
    return std::chrono::duration_cast<std::chrono::milliseconds>(loop.wall().time_since_epoch()).count();
  };
  folder.write("truetype/a.ttf", "aaaa");
  folder.date(wall_ms() - 3'600'000);
  fonts.look();
  const auto first = fonts.stamp();
  REQUIRE(first);

  // A package brings a file that is old.
  folder.write("truetype/b.ttf", "bbbb");
  folder.date(wall_ms());
  loop.advance(5s);
  CHECK_FALSE(fonts.stamp());
  loop.advance(5s);
  CHECK_FALSE(fonts.stamp());
  loop.advance(120s);
  const auto second = fonts.stamp();
  REQUIRE(second);
  CHECK(*second != *first);

  // One written over where it is: the directories do not know, a look at the files tells.
  loop.turn();
  folder.write("truetype/b.ttf", "other bytes");
  folder.date_file("truetype/b.ttf", wall_ms() - 3'600'000);
  loop.advance(5s);
  CHECK(fonts.stamp() == second);
  loop.advance(60s);
  CHECK(fonts.stamp() == second);
  loop.turn();
  REQUIRE(fonts.stamp());
  CHECK(fonts.stamp() != second);
}
