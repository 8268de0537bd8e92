// A request that is made again: stories about idempotency keys.

#include "convd/jobs/manager.h"
#include "tests/support/house.h"

using namespace std::chrono_literals;
using convd::jobs::Settings;
using convd::jobs::Submission;
using convd::process::End;
using shared::ErrorCode;
using tests::a_docx;
using tests::House;

namespace {

// A house whose guests say things twice.
struct Echo : House {
  explicit Echo(Settings settings = {}) : House(std::move(settings)) {}

  Submission keyed(const std::string& bytes = a_docx, const std::string& key = "k", const std::string& org = "uid:1") {
    return with_key(upload("a.docx", bytes, org), key);
  }
  static Submission with_key(Submission submission, const std::string& key = "k") {
    submission.idempotency_key = key;
    return submission;
  }
  // "accepted ID", "replayed ID" or the error.
  std::string say(Submission submission) {
    bool replayed = false;
    submission.replayed = [&] { replayed = true; };
    const auto outcome = submit(std::move(submission));
    if (!outcome) return std::string(shared::to_string(outcome.error().code));
    return (replayed ? "replayed " : "accepted ") + outcome->id;
  }
  std::string first(Submission submission) {
    const std::string answer = say(std::move(submission));
    REQUIRE(answer.starts_with("accepted "));
    return answer.substr(9);
  }
  int uploads_left() {
    int count = 0;
    for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator(state() + "/incoming")) ++count;
    return count;
  }
};

}  // namespace

TEST_CASE("the same request under the same key starts nothing") {
  Echo house;
  const std::string id = house.first(house.keyed());
  CHECK(house.say(house.keyed()) == "replayed " + id);
  CHECK(house.spawner.started() == 1);
  house.succeed(id, {{"source.pdf", "x"}});
  const auto again = house.submit(house.keyed());
  REQUIRE(again);
  CHECK(again->status == shared::Status::completed);
  CHECK(again->id == id);
  CHECK(house.spawner.started() == 1);
  CHECK(house.manager().counters().replays == 2);
  CHECK(house.manager().counters().submitted == 1);
  CHECK(house.store.story(id).size() == 3);
  CHECK(house.uploads_left() == 0);
}

TEST_CASE("a first one that cannot be read any more fails who repeats it, and nobody else") {
  Echo house;
  const std::string id = house.first(house.keyed());
  house.succeed(id, {{"source.pdf", "x"}});
  house.store.damage(id);
  CHECK(house.say(house.keyed()) == "unavailable");
  const auto status = house.manager().status("uid:1", id);
  REQUIRE_FALSE(status);
  CHECK(status.error().code == ErrorCode::unavailable);
  CHECK(house.say(house.keyed(a_docx, "another")).starts_with("accepted "));
}

TEST_CASE("another request under the same key is refused, and another org has keys of its own") {
  Echo house;
  const std::string id = house.first(house.keyed());
  CHECK(house.say(house.keyed(a_docx + "!")) == "idempotency_mismatch");
  auto other = house.keyed();
  other.priority = 6;
  CHECK(house.say(std::move(other)) == "idempotency_mismatch");
  CHECK(house.say(Echo::with_key(house.upload("b.docx", a_docx))) == "idempotency_mismatch");
  CHECK(house.say(house.keyed()) == "replayed " + id);
  CHECK(house.say(house.keyed(a_docx, "k", "uid:2")).starts_with("accepted "));
  CHECK(house.say(house.keyed(a_docx, "other")).starts_with("accepted "));
}

TEST_CASE("a key outlives a restart, also when the first answer never went out") {
  Echo house;
  bool answered = false;
  house.manager().submit(house.keyed(), [&](auto) { answered = true; });
  while (house.store.unfinished().empty()) REQUIRE(house.loop.step());
  CHECK_FALSE(answered);
  house.restart();
  const std::string id = house.store.unfinished().front().id;
  CHECK(house.say(house.keyed()) == "replayed " + id);
  CHECK_FALSE(answered);
  CHECK(house.store.unfinished().size() == 1);
}

TEST_CASE("what comes while the first is on its way waits for it") {
  Echo house;
  house.store.hold();
  std::vector<std::string> answers;
  const auto say = [&](Submission submission) {
    const auto replayed = std::make_shared<bool>(false);
    submission.replayed = [replayed] { *replayed = true; };
    house.manager().submit(std::move(submission), [&answers, replayed](shared::Result<shared::StatusObject> outcome) {
      answers.push_back(!outcome    ? std::string(shared::to_string(outcome.error().code))
                        : *replayed ? "replayed " + outcome->id
                                    : "accepted " + outcome->id);
    });
  };
  for (int i = 0; i < 3; ++i) say(house.keyed());
  say(house.keyed(a_docx + "!"));
  house.loop.turn();
  CHECK(answers.empty());
  SECTION("and is answered with it") {
    house.store.let_go();
    house.loop.turn();
    REQUIRE(answers.size() == 4);
    const std::string id = answers[0].substr(9);
    CHECK(answers[0] == "accepted " + id);
    CHECK(answers[1] == "replayed " + id);
    CHECK(answers[2] == "replayed " + id);
    CHECK(answers[3] == "idempotency_mismatch");
    CHECK(house.spawner.started() == 1);
  }
  SECTION("and is the first itself when that one failed") {
    house.store.fail_commits(shared::Error{ErrorCode::unavailable, "away", {}});
    house.store.let_go();
    while (answers.empty()) REQUIRE(house.loop.step());
    house.store.fail_commits(std::nullopt);
    house.loop.turn();
    REQUIRE(answers.size() == 4);
    CHECK(answers[0] == "unavailable");
    CHECK(answers[1].starts_with("accepted "));
    CHECK(answers[2] == "replayed " + answers[1].substr(9));
    CHECK(answers[3] == "idempotency_mismatch");
    CHECK(house.spawner.started() == 1);
  }
}

// The look-up finds nothing, as if two had looked at the same time: the store decides.
TEST_CASE("of two that know nothing of each other one is the first") {
  Echo house;
  const std::string id = house.first(house.keyed());
  house.put("a.docx", "newer bytes");
  house.store.overlook_keys(true);
  bool replayed = false;
  auto again = house.keyed();
  again.replayed = [&] { replayed = true; };
  const auto outcome = house.submit(std::move(again));
  REQUIRE(outcome);
  CHECK(outcome->id == id);
  CHECK(replayed);
  CHECK(house.say(house.keyed(a_docx + "!")) == "idempotency_mismatch");
  CHECK(house.spawner.started() == 1);
  CHECK(house.manager().document("uid:1", "a.docx")->size_bytes == 11);
  CHECK(house.store.unfinished().size() == 1);
}

TEST_CASE("a repetition is no new work: a full queue and a drain answer it") {
  Settings settings;
  settings.slots = 1;
  settings.queue_limit = 1;
  Echo house(settings);
  house.spawner.runner_goes();
  const std::string id = house.first(house.keyed());
  CHECK(house.say(house.keyed(a_docx, "new")) == "queue_full");
  CHECK(house.say(house.keyed()) == "replayed " + id);
  house.manager().drain(30s, [] {});
  CHECK_FALSE(house.manager().begin_upload("uid:1"));
  CHECK(house.manager().remembers("uid:1", "k"));
  CHECK_FALSE(house.manager().remembers("uid:1", "new"));
  CHECK_FALSE(house.manager().remembers("uid:2", "k"));
  auto upload = house.manager().begin_upload("uid:1", convd::jobs::Manager::UploadFor::repetition);
  REQUIRE(upload);
  REQUIRE((*upload)->append(a_docx));
  auto again = Echo::with_key(house.library("a.docx"));
  again.upload = *std::move(upload);
  CHECK(house.say(std::move(again)) == "replayed " + id);
}

TEST_CASE("a repeated upload leaves a newer document as it is") {
  Echo house;
  const std::string id = house.first(house.keyed());
  house.put("a.docx", "newer bytes");
  CHECK(house.say(house.keyed()) == "replayed " + id);
  CHECK(house.manager().document("uid:1", "a.docx")->size_bytes == 11);
}

TEST_CASE("a document of the library is what it was, until it is another one") {
  Echo house;
  house.put("a.docx", a_docx);
  const std::string id = house.first(Echo::with_key(house.library("a.docx")));
  house.manager().remove_document("uid:1", "a.docx", [](shared::Result<void> outcome) { CHECK(outcome); });
  house.loop.turn();
  CHECK(house.say(Echo::with_key(house.library("a.docx"))) == "replayed " + id);
  house.put("a.docx", a_docx + "!");
  CHECK(house.say(Echo::with_key(house.library("a.docx"))) == "idempotency_mismatch");
}

TEST_CASE("a key goes with its conversion, and with time") {
  Settings settings;
  settings.slots = 9;
  settings.idempotency_ms = 3'600'000;
  Echo house(settings);
  const std::string id = house.first(house.keyed());
  house.manager().remove("uid:1", id, [](shared::Result<void> outcome) { CHECK(outcome); });
  house.loop.turn();
  const std::string second = house.first(house.keyed());
  house.succeed(second, {{"source.pdf", "x"}});
  CHECK(second != id);
  house.loop.advance(3'599s);
  CHECK(house.say(house.keyed()) == "replayed " + second);
  house.loop.advance(2s);
  const std::string third = house.first(house.keyed());
  CHECK(third != second);
  CHECK(house.say(house.keyed()) == "replayed " + third);
}

TEST_CASE("old keys are removed in slices") {
  Settings settings;
  settings.queue_limit_per_org = 2'000;
  settings.idempotency_ms = 600'000;
  Echo house(settings);
  house.spawner.runner_goes();
  for (int i = 0; i < 600; ++i) (void)house.first(house.keyed(a_docx, std::to_string(i)));
  house.loop.advance(500s);
  (void)house.first(house.keyed(a_docx, "young"));
  CHECK(house.store.keys() == 601);
  house.loop.advance(200s);
  CHECK(house.store.keys() == 1);
  CHECK(house.store.most_pruned() == 500);
}
