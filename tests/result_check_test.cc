// A result that is not what was published is not served.

#include "convd/jobs/result_check.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "tests/support/house.h"

namespace fs = std::filesystem;
using tests::a_docx;
using tests::House;

namespace {

std::string converted(House& house) {
  const std::string id = house.accepted(house.upload("a.docx", a_docx));
  house.succeed(id, {{"source.pdf", "the very bytes"}});
  return id;
}

std::string path_of(House& house, const std::string& id) {
  const auto fd = house.store.files().open_result(id, "a.pdf");
  REQUIRE(fd);
  return fs::read_symlink("/proc/self/fd/" + std::to_string(fd->get()));
}

void write_over(const std::string& path, const std::string& bytes, std::int64_t seconds) {
  const convd::loop::UniqueFd fd(::open(path.c_str(), O_WRONLY | O_CLOEXEC));
  REQUIRE(::pwrite(fd.get(), bytes.data(), bytes.size(), 0) == static_cast<ssize_t>(bytes.size()));
  const struct timespec times[2] = {{seconds, 0}, {seconds, 0}};
  REQUIRE(::futimens(fd.get(), times) == 0);
}

}  // namespace

TEST_CASE("a result with other bytes is damaged, and counted") {
  House house;
  const std::string id = converted(house);
  CHECK(house.result_text(id) == "the very bytes");
  write_over(path_of(house, id), "The", 1'000);
  CHECK(house.result_text(id) == "result_damaged");
  CHECK(house.result_text(id) == "result_damaged");
  CHECK(house.manager().storage().results_damaged == 2);
  write_over(path_of(house, id), "the", 2'000);
  CHECK(house.result_text(id) == "the very bytes");
}

TEST_CASE("a result that is short or missing is damaged at once") {
  House house;
  const std::string id = converted(house);
  fs::resize_file(path_of(house, id), 3);
  CHECK(house.manager().result("uid:1", id, {}).error().code == shared::ErrorCode::result_damaged);
  fs::remove(path_of(house, id));
  CHECK(house.manager().result("uid:1", id, {}).error().code == shared::ErrorCode::result_damaged);
}

TEST_CASE("what was published in this run is served without being read again, the rest is read once") {
  House house;
  const std::string id = converted(house);
  const auto answered_at_once = [&] {
    bool answered = false;
    house.manager().fetch_result("uid:1", id, {}, [&](const auto& result) { answered = result.ok(); });
    const bool at_once = answered;
    house.loop.turn();
    CHECK(answered);
    return at_once;
  };
  CHECK(answered_at_once());
  write_over(path_of(house, id), "the", 1'000);  // as after a start: not known to this run
  CHECK_FALSE(answered_at_once());
  CHECK(answered_at_once());
}
