// The machine as the doctor sees it: this one, and disks of our own.

#include "convd/machine.h"

#include <linux/magic.h>

#include <filesystem>
#include <fstream>

#include "tests/support/catch.h"
#include "tests/support/small_disk.h"
#include "tests/support/temp_directory.h"

using namespace convd;
using api::StorageKind;
namespace fs = std::filesystem;

TEST_CASE("the disk below the state directory") {
  const tests::TempDirectory directory;
  const api::HostFacts facts = Machine(directory.path()).look();
  CHECK(facts.state_dir == directory.path());
  CHECK_FALSE(facts.file_system.empty());
  CHECK(facts.free_bytes > 0);
}

TEST_CASE("a tmpfs is known as one") {
  const tests::SmallDisk disk;
  if (!disk.mounted()) {
    WARN("skipped: cannot mount a small tmpfs (not root?)");
    return;
  }
  const api::HostFacts facts = Machine(disk.path()).look();
  CHECK(facts.file_system == "tmpfs");
  CHECK(facts.storage == StorageKind::memory);
  CHECK(facts.free_bytes <= 1 << 20);
}

TEST_CASE("file systems by number") {
  CHECK(file_system_of(EXT4_SUPER_MAGIC).name == "ext4");
  CHECK(file_system_of(NFS_SUPER_MAGIC).kind == StorageKind::remote);
  CHECK(file_system_of(CIFS_SUPER_MAGIC).kind == StorageKind::remote);
  CHECK(file_system_of(7).name == "a file system of type 7");
  CHECK(file_system_of(7).kind == StorageKind::local);
}

TEST_CASE("fonts are counted in all folders, up to a number") {
  const tests::TempDirectory directory;
  fs::create_directories(directory.path() + "/truetype/small");
  for (const char* name : {"a.ttf", "truetype/b.otf", "truetype/small/c.ttc", "truetype/readme.txt", "ttf"})
    std::ofstream(directory.path() + "/" + name) << "x";
  CHECK(count_fonts({directory.path()}, 100) == 3);
  CHECK(count_fonts({directory.path()}, 2) == 2);
  CHECK(count_fonts({directory.path(), "/nonexistent", directory.path()}, 100) == 6);
  CHECK(count_fonts({}, 100) == 0);
}

TEST_CASE("addresses that are configured and not served") {
  Machine machine("/");
  machine.listens_on("/run/convd/convd.sock");
  machine.listens_on("127.0.0.1:8080");
  machine.listens_on("[::1]:8080");
  CHECK(machine.compare_with({"127.0.0.1:8080", "localhost:8080", "[::1]:8080"}).empty());
  CHECK(machine.compare_with({"localhost:9000"}) == std::vector<std::string>{"localhost:9000"});
  CHECK(machine.look().not_listening == std::vector<std::string>{"localhost:9000"});
  CHECK(machine.look().listening.size() == 3);
}
