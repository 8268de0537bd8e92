// Whether there is room for new work.

#include "convd/jobs/disk.h"

#include <filesystem>
#include <fstream>

#include "tests/support/house.h"
#include "tests/support/small_disk.h"

using namespace std::chrono_literals;
using convd::jobs::Disk;
using convd::jobs::Settings;
using convd::store::Reserve;
using shared::ErrorCode;
using tests::House;

namespace {

struct World {
  tests::TemporaryDirectory directory;
  tests::FakeLoop loop;
  tests::MemoryStore store{loop, *convd::store::Files::open(directory.path())};
  Settings settings;
  Disk disk{loop, store, settings};
};

}  // namespace

TEST_CASE("the door closes below the floor and opens a good deal above it") {
  World world;
  auto& [directory, loop, store, settings, disk] = world;
  const std::int64_t free = disk.free_bytes();
  settings.disk_floor_bytes = free / 2;
  CHECK_FALSE(disk.refusal());
  settings.disk_floor_bytes = free / 20 * 19;
  CHECK_FALSE(disk.refusal());
  settings.disk_floor_bytes = free * 2;
  REQUIRE(disk.refusal());
  CHECK(disk.refusal()->code == ErrorCode::disk_full);
  settings.disk_floor_bytes = free / 20 * 19;
  CHECK(disk.refusal());
  settings.disk_floor_bytes = free / 2;
  CHECK_FALSE(disk.refusal());
}

TEST_CASE("the door closes as well when there can be few further files") {
  const tests::SmallDisk small(24, ",nr_inodes=400");
  if (!small.mounted()) {
    WARN("skipped: cannot mount a small tmpfs (not root?)");
    return;
  }
  tests::FakeLoop loop;
  tests::MemoryStore store(loop, *convd::store::Files::open(small.path() + "/state"));
  Settings settings;
  settings.disk_floor_bytes = 0;
  const Disk disk(loop, store, settings);
  CHECK_FALSE(disk.refusal());
  const auto fill = [&](std::int64_t left) {
    for (int i = 0; store.files().file_room().free > left; ++i) std::ofstream(small.path() + "/" + std::to_string(i));
  };
  fill(20);
  CHECK_FALSE(disk.refusal());
  fill(19);
  REQUIRE(disk.refusal());
  CHECK(disk.refusal()->code == ErrorCode::disk_full);
  std::filesystem::remove(small.path() + "/0");
  CHECK(disk.refusal());
  for (int i = 1; i < 4; ++i) std::filesystem::remove(small.path() + "/" + std::to_string(i));
  CHECK_FALSE(disk.refusal());
}

TEST_CASE("a reserve that was given away is taken back when there is room, and nothing is accepted before") {
  World world;
  auto& [directory, loop, store, settings, disk] = world;
  settings.disk_floor_bytes = 0;
  Reserve& reserve = store.files().reserve();
  REQUIRE(reserve.restore().ok());
  CHECK_FALSE(disk.refusal());
  reserve.release();
  CHECK(disk.is_exhausted());
  CHECK(disk.refusal());
  SECTION("there is room") {
    loop.advance(2s);
    CHECK_FALSE(reserve.is_spent());
    CHECK_FALSE(disk.refusal());
  }
  SECTION("there is none") {
    settings.disk_floor_bytes = disk.free_bytes() * 2;
    loop.advance(10s);
    CHECK(reserve.is_spent());
  }
}

TEST_CASE("while the disk is full nothing is begun, and it goes on by itself") {
  Settings one_slot;
  one_slot.slots = 1;
  House house(one_slot);
  REQUIRE(house.store.files().reserve().restore().ok());
  auto submission = house.upload("a.docx", tests::a_docx);
  const std::string running = house.accepted(house.upload("a.docx", tests::a_docx));
  const std::string waiting = house.accepted(house.library("a.docx"));
  house.store.files().reserve().release();
  CHECK(house.submit(std::move(submission)).error().code == ErrorCode::disk_full);
  CHECK(house.manager().begin_upload("uid:1").error().code == ErrorCode::disk_full);
  CHECK(house.manager().problems().front().first == "disk");
  house.succeed(running, {{"source.pdf", "a"}});
  CHECK(house.fate(running) == "completed");
  CHECK(house.fate(waiting) == "pending");
  house.loop.advance(2s);
  CHECK(house.manager().problems().empty());
  CHECK(house.fate(waiting) == "processing");
  (void)house.accepted(house.upload("b.docx", tests::a_docx));
}

TEST_CASE("the reserve holds blocks of the disk, or nothing") {
  const tests::SmallDisk disk(24);
  if (!disk.mounted()) {
    WARN("skipped: cannot mount a small tmpfs (not root?)");
    return;
  }
  auto files = convd::store::Files::open(disk.path() + "/state");
  REQUIRE(files);
  const std::int64_t before = files->free_bytes();
  REQUIRE(files->reserve().restore().ok());
  CHECK(before - files->free_bytes() >= Reserve::size_bytes);
  CHECK(files->reserve().restore().ok());
  files->reserve().release();
  CHECK(files->reserve().is_spent());
  CHECK(before - files->free_bytes() < 64 << 10);
  auto upload = files->begin_upload();
  REQUIRE((*upload)->append(std::string(20 << 20, 'x')).ok());
  CHECK(files->reserve().restore().error().code == ErrorCode::disk_full);
  CHECK(files->reserve().is_spent());
  CHECK(before - files->free_bytes() < (20 << 20) + (64 << 10));
}
