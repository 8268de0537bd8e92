// How much an org may store.

#include "convd/jobs/quota.h"

#include "tests/support/house.h"

using convd::jobs::Settings;
using shared::ErrorCode;
using tests::a_docx;
using tests::House;

namespace {

Settings limited(std::int64_t bytes) {
  Settings settings;
  settings.org_quota_bytes = bytes;
  return settings;
}

std::unique_ptr<convd::store::Upload> begun(House& house, const std::string& org = "uid:1") {
  auto upload = house.manager().begin_upload(org);
  REQUIRE(upload);
  return *std::move(upload);
}

bool put(House& house, const std::string& name, std::unique_ptr<convd::store::Upload> upload,
         const std::string& org = "uid:1") {
  bool stored = false;
  house.manager().put_document(org, name, std::move(upload), [&](const auto& outcome) { stored = outcome.ok(); });
  house.loop.turn();
  return stored;
}

}  // namespace

TEST_CASE("what an org stores may not be more than its quota, and says by how much") {
  House house(limited(1'000));
  auto upload = begun(house);
  REQUIRE(upload->append(std::string(600, 'x')).ok());
  REQUIRE(put(house, "a.bin", std::move(upload)));
  upload = begun(house);
  CHECK(upload->append(std::string(400, 'y')).ok());
  const auto more = upload->append("z");
  REQUIRE_FALSE(more);
  CHECK(more.error().code == ErrorCode::quota_exceeded);
  CHECK(more.error().message ==
        "there is no room for 401 bytes more: your documents and results take 600 bytes, of 1000 allowed; remove some"
        " that you do not need");
  REQUIRE(put(house, "b.bin", std::move(upload)));
  CHECK(house.manager().begin_upload("uid:1").error().code == ErrorCode::quota_exceeded);
  const auto submitted = house.submit(house.library("a.bin"));
  REQUIRE_FALSE(submitted);
  CHECK(submitted.error().message ==
        "your documents and results take 1000 bytes, of 1000 allowed: remove some that you do not need");
  CHECK_FALSE(house.manager().load("uid:1").accepting);
  CHECK(house.manager().begin_upload("uid:2"));

  house.manager().remove_document("uid:1", "b.bin", [](const auto& outcome) { CHECK(outcome); });
  house.loop.turn();
  CHECK(house.manager().begin_upload("uid:1"));
  CHECK(house.manager().usage("uid:1").stored.bytes() == 600);
}

TEST_CASE("two uploads at once do not both take the last room") {
  House house(limited(1'000));
  auto one = begun(house);
  auto other = begun(house);
  CHECK(one->append(std::string(600, 'x')).ok());
  CHECK(other->append(std::string(600, 'y')).error().code == ErrorCode::quota_exceeded);
  CHECK(house.manager().usage("uid:1").uploading_bytes >= 600);
  SECTION("also while the first is on its way into the store") {
    house.store.hold();
    house.manager().put_document("uid:1", "a.bin", std::move(one), [](const auto& outcome) { CHECK(outcome); });
    house.loop.turn();
    CHECK(other->append(std::string(600, 'y')).error().code == ErrorCode::quota_exceeded);
    house.store.let_go();
    house.loop.turn();
    CHECK(other->append(std::string(600, 'y')).error().code == ErrorCode::quota_exceeded);
    CHECK(other->append(std::string(400, 'y')).ok());
  }
  SECTION("but what is dropped makes room") {
    one.reset();
    CHECK(other->append(std::string(600, 'y')).ok());
  }
  SECTION("and a size that is said in advance is refused in advance") {
    CHECK(house.manager().begin_upload("uid:1", convd::jobs::Manager::UploadFor::new_work, 401).error().code ==
          ErrorCode::quota_exceeded);
    CHECK(house.manager().begin_upload("uid:1", convd::jobs::Manager::UploadFor::new_work, 300));
  }
}

TEST_CASE("an org may have a quota of its own") {
  Settings settings = limited(100);
  settings.org_quotas = {{"uid:7", 1'000}, {"uid:8", 0}};
  House house(settings);
  CHECK(begun(house)->append(std::string(101, 'x')).error().code == ErrorCode::quota_exceeded);
  CHECK(begun(house, "uid:7")->append(std::string(1'000, 'x')).ok());
  CHECK(begun(house, "uid:7")->append(std::string(1'001, 'x')).error().code == ErrorCode::quota_exceeded);
  CHECK(begun(house, "uid:8")->append(std::string(100'000, 'x')).ok());
  CHECK(house.manager().usage("uid:7").quota_bytes == 1'000);
}

TEST_CASE("results count, and those that have gone do not") {
  House house(limited(1'000));
  const std::string id = house.accepted(house.upload("a.docx", a_docx));
  house.succeed(id, {{"source.pdf", std::string(990, 'r')}});
  CHECK(house.submit(house.library("a.docx")).error().code == ErrorCode::quota_exceeded);
  CHECK(house.retry(id).error().code == ErrorCode::quota_exceeded);
  SECTION("removed by their owner") {
    house.manager().remove("uid:1", id, [](const auto& outcome) { CHECK(outcome); });
    house.loop.turn();
  }
  SECTION("removed by retention") {
    house.loop.advance(std::chrono::hours(24 * 7 + 1));
  }
  CHECK(house.submit(house.library("a.docx")));
  CHECK(house.manager().usage("uid:1").stored.results == 0);
}
