#include "convd/jobs/estimator.h"

#include "convd/jobs/track.h"
#include "tests/support/catch.h"
#include "tests/support/fake_engine.h"

using namespace convd::jobs;

namespace {

const tests::FakeEngine office("office", {{"docx", "pdf", 800, 90}});
const tests::FakeEngine poppler("poppler", {{"pdf", "png", 200, 90}});

Route one_step() {
  return {{&office, "docx", "pdf", 1.0}};
}
Route two_steps() {
  return {{&office, "docx", "pdf", 0.8}, {&poppler, "pdf", "png", 0.2}};
}

convd::store::RuntimeRow run(std::int64_t input_bytes, std::int64_t wall_ms) {
  return {"office", "docx", "pdf", input_bytes, wall_ms};
}

}  // namespace

TEST_CASE("without a past run nothing is invented") {
  Estimator estimator;
  CHECK(estimator.route_ms(one_step(), 50'000) == std::nullopt);
  CHECK(estimator.guessed_step_ms(one_step().front(), 50'000) == std::nullopt);
  const Cost cost = cost_of(estimator, two_steps(), 0);
  CHECK(cost.ms == 1000);
  CHECK_FALSE(cost.known);
}

TEST_CASE("a guess grows with the input: a book is not taken for a letter") {
  constexpr double short_ms = 2'000;
  constexpr std::int64_t letter_bytes = 20'000;
  constexpr std::int64_t book_bytes = 200'000;  // 155 pages of nothing but text
  const tests::FakeEngine libreoffice("libreoffice", {{"docx", "pdf", 1'200, 90}});
  const Route route{{&libreoffice, "docx", "pdf", 1.0}};
  Estimator estimator;
  CHECK(cost_of(estimator, route, letter_bytes).ms < short_ms);
  CHECK(cost_of(estimator, route, book_bytes).ms > short_ms);
  CHECK(cost_of(estimator, route, 10 * book_bytes).ms > 5 * cost_of(estimator, route, book_bytes).ms);
  // A picture has its bytes for little work.
  const tests::FakeEngine vips("vips", {{"jpg", "png", 150, 90}});
  CHECK(cost_of(estimator, {{&vips, "jpg", "png", 1.0}}, 10 * book_bytes).ms < short_ms);
}

TEST_CASE("where only documents of another size have run, the guess comes from them") {
  Estimator estimator;
  estimator.learn(run(50'000, 800));
  CHECK(estimator.step_ms(one_step().front(), 5'000'000) == std::nullopt);
  const Cost larger = cost_of(estimator, one_step(), 5'000'000);
  CHECK(larger.ms > 79'000);
  CHECK(larger.ms < 81'000);
  CHECK_FALSE(larger.known);
  CHECK(cost_of(estimator, one_step(), 2'000).ms == 800);
}

TEST_CASE("an estimate is the middle of the runs of similar size") {
  Estimator estimator;
  for (const int wall_ms : {900, 1000, 5000}) estimator.learn(run(50'000, wall_ms));
  for (const int wall_ms : {9000, 9100, 9200, 9300, 9400}) estimator.learn(run(1'000'000, wall_ms));
  CHECK(estimator.step_ms(one_step().front(), 50'000) == 1000);
  CHECK(estimator.step_ms(one_step().front(), 1'000'000) == 9200);
  CHECK(estimator.step_ms(one_step().front(), 100'000'000) == std::nullopt);
}

TEST_CASE("what is learned last is kept") {
  Estimator estimator;
  for (int i = 0; i < 200; ++i) estimator.learn(run(50'000, 100));
  for (int i = 0; i < 64; ++i) estimator.learn(run(50'000, 700));
  CHECK(estimator.step_ms(one_step().front(), 50'000) == 700);
  Estimator restarted;
  std::vector<convd::store::RuntimeRow> newest_first(64, run(50'000, 700));
  newest_first.insert(newest_first.end(), 200, run(50'000, 100));
  restarted.learn_all(newest_first);
  CHECK(restarted.step_ms(one_step().front(), 50'000) == 700);
}

TEST_CASE("a route costs its first step, extended by the weights") {
  Estimator estimator;
  estimator.learn(run(50'000, 800));
  CHECK(estimator.route_ms(two_steps(), 50'000) == 1000);
  CHECK(cost_of(estimator, two_steps(), 50'000).known);
}

TEST_CASE("estimated progress grows and never passes 95") {
  double before = 0;
  for (int elapsed = 0; elapsed < 100'000; elapsed += 50) {
    const double share = estimated_share(elapsed, 1000);
    CHECK(share >= before);
    CHECK(share <= 0.95);
    before = share;
  }
  CHECK(estimated_share(500, 1000) == 0.5);
}

TEST_CASE("progress runs over all stages by their weights") {
  const Route route = two_steps();
  Track track(route, "report.docx");
  auto report = track.enter(0);
  CHECK(report.stage.name == "office");
  CHECK(report.stage.index == 1);
  CHECK(report.stage.count == 3);
  CHECK(report.message == "Converting with The office");
  report = track.measured({13, 31, "page"});
  CHECK(report.progress == 33);
  CHECK(report.message == "Converting page 13 of 31");
  CHECK(report.stage.kind == shared::ProgressKind::measured);
  CHECK(track.measured({40, 31, "page"}).progress == 80);
  report = track.enter(1);
  CHECK(report.progress == 80);
  CHECK(report.stage.kind == shared::ProgressKind::none);
  CHECK(track.estimated(0.95).progress == 95);
  CHECK(track.measured({1, 1, "page"}).progress == 99);
  report = track.finishing();
  CHECK(report.stage.name == "finishing");
  CHECK(report.stage.index == 3);
}
