// Files that nobody owns go; those of somebody stay.

#include "convd/jobs/sweep.h"

#include "tests/support/house.h"

using convd::jobs::Sweep;
using tests::a_docx;
using tests::House;

namespace {

// Published for an id that no conversion has.
void publish(House& house, const std::string& id) {
  std::FILE* source = std::tmpfile();
  REQUIRE(source != nullptr);
  REQUIRE(std::fputs("left over", source) >= 0);
  std::fflush(source);
  REQUIRE(house.store.files().publish_result(id, "x.pdf", ::fileno(source), 1'000));
  std::fclose(source);
}

bool has_files(House& house, const std::string& id) {
  return house.store.files().open_result(id, "x.pdf").ok();
}

std::string blob_of_nobody(House& house) {
  auto upload = house.store.files().begin_upload();
  REQUIRE(upload);
  REQUIRE((*upload)->append("nobody's").ok());
  REQUIRE(house.store.files().publish_blob(**upload).ok());
  return (*upload)->sha256();
}

}  // namespace

TEST_CASE("at start everything that a crash has left goes at once") {
  House house;
  const std::string done = house.accepted(house.upload("a.docx", a_docx));
  house.succeed(done, {{"source.pdf", "mine"}});
  for (int i = 0; i < 250; ++i) publish(house, "left-over-" + std::to_string(i));
  const std::string blob = blob_of_nobody(house);
  auto upload = house.store.files().begin_upload();
  const std::string again = house.accepted(house.library("a.docx"));
  publish(house, convd::store::Files::run_name(again, 1));
  house.restart();
  CHECK_FALSE(has_files(house, convd::store::Files::run_name(again, 1)));
  for (int i = 0; i < 250; ++i) CHECK_FALSE(has_files(house, "left-over-" + std::to_string(i)));
  CHECK_FALSE(house.store.files().open_blob(blob));
  CHECK(house.result_text(done) == "mine");
  CHECK(house.manager().open_document("uid:1", "a.docx"));
  CHECK((*upload)->append("still received").ok());
  CHECK(house.manager().storage().leftovers ==
        std::map<std::string, std::int64_t>{{"blob", 1}, {"result", 251}, {"upload", 0}});
}

TEST_CASE("while it runs a directory goes only when it was nobody's an hour ago as well") {
  House house;
  publish(house, "about-to-have-a-row");
  const std::string blob = blob_of_nobody(house);
  house.loop.advance(Sweep::period);
  CHECK(has_files(house, "about-to-have-a-row"));
  CHECK_FALSE(house.store.files().open_blob(blob));
  publish(house, "came-later");
  house.loop.advance(Sweep::period);
  CHECK_FALSE(has_files(house, "about-to-have-a-row"));
  CHECK(has_files(house, "came-later"));
  house.loop.advance(Sweep::period);
  CHECK_FALSE(has_files(house, "came-later"));
}

TEST_CASE("what is in flight is nobody's leftover") {
  convd::jobs::Settings settings;
  settings.stall_timeout_ms = settings.attempt_timeout_ms = 86'400'000;
  House house(settings);
  // A blob whose row is on its way.
  house.store.hold();
  auto upload = house.manager().begin_upload("uid:1");
  REQUIRE((*upload)->append("on its way").ok());
  const std::string sha256 = (*upload)->sha256();
  REQUIRE(house.store.files().publish_blob(**upload).ok());
  // One that has not come as a whole.
  auto coming = house.manager().begin_upload("uid:1");
  REQUIRE((*coming)->append("half").ok());
  // A conversion that lives, and has published already.
  house.store.let_go();
  house.loop.turn();
  const std::string id = house.accepted(house.upload("a.docx", a_docx));
  publish(house, id);
  const std::string run = convd::store::Files::run_name(id, 1);
  const std::string stale = convd::store::Files::run_name("nobody", 1);
  publish(house, run);
  publish(house, stale);
  for (int i = 0; i < 3; ++i) house.loop.advance(Sweep::period);
  CHECK(has_files(house, id));
  CHECK(has_files(house, run));
  CHECK_FALSE(has_files(house, stale));
  CHECK(house.store.files().open_blob(sha256));
  CHECK((*coming)->append(" and half").ok());
  CHECK(house.store.files().publish_blob(**coming).ok());
  upload->reset();
  house.loop.advance(Sweep::period);
  CHECK_FALSE(house.store.files().open_blob(sha256));
}
