// The life of conversions, as stories: what is submitted, what the children do, what people see.

#include "convd/jobs/manager.h"

#include <algorithm>
#include <random>
#include <set>

#include "tests/support/house.h"

using namespace std::chrono_literals;
using convd::jobs::Settings;
using convd::process::End;
using convd::process::Stream;
using shared::ErrorCode;
using tests::a_docx;
using tests::a_pdf;
using tests::House;

namespace {

using Story = std::vector<std::string>;

Settings slots(int count) {
  Settings settings;
  settings.slots = count;
  return settings;
}

std::string code(const shared::Result<shared::StatusObject>& outcome) {
  return outcome ? "accepted" : std::string(shared::to_string(outcome.error().code));
}

}  // namespace

TEST_CASE("a document becomes a PDF") {
  House house;
  const auto accepted = house.submit(house.upload("report.docx", a_docx));
  REQUIRE(accepted);
  CHECK(accepted->status == shared::Status::pending);
  CHECK(accepted->message == "Queued");
  CHECK(accepted->position == 1);
  CHECK(accepted->rev == 1);
  const std::string id = accepted->id;
  const auto child = house.child_of(id);
  CHECK(house.spawner.child(child).input == a_docx);
  CHECK(house.spawner.child(child).spec.argv == Story{"/bin/sh", "/in/source.docx", "pdf"});
  CHECK(house.status(id).message == "Converting with The office");

  house.spawner.prints(child, "page 13/31\n");
  CHECK(house.status(id).message == "Converting page 13 of 31");
  CHECK(house.status(id).progress == 41);
  CHECK(house.status(id).stage->kind == shared::ProgressKind::measured);
  CHECK(house.result_text(id) == "not_finished");

  house.succeed(id, {{"source.pdf", "the pdf"}});
  const auto status = house.status(id);
  CHECK(status.status == shared::Status::completed);
  CHECK(status.progress == 100);
  CHECK(status.message == "Completed");
  CHECK(status.attempt == 1);
  CHECK(status.result->file.name == "report.pdf");
  CHECK(status.result->file.media_type == "application/pdf");
  CHECK(status.result->parts.empty());
  CHECK(house.result_text(id) == "the pdf");
  CHECK(house.result_text(id, "report.pdf") == "the pdf");
  CHECK(house.result_text(id, "other.pdf") == "not_found");
  CHECK(house.store.story(id) == Story{"conversion.pending", "conversion.processing", "conversion.completed"});
  CHECK(house.spawner.all_released());
  CHECK(house.manager().document("uid:1", "report.docx")->last_status == shared::Status::completed);
}

TEST_CASE("nothing is accepted before it is durable, and nothing seen before it is true") {
  House house;
  house.store.hold();
  std::optional<shared::Result<shared::StatusObject>> answer;
  house.manager().submit(house.upload("report.docx", a_docx), [&](auto outcome) { answer = std::move(outcome); });
  house.loop.turn();
  CHECK_FALSE(answer);
  CHECK(house.spawner.started() == 0);
  house.store.let_go();
  house.loop.turn();
  REQUIRE(answer);
  const std::string id = (*answer)->id;

  house.spawner.succeeds(house.child_of(id), {{"source.pdf", "x"}});
  house.store.hold();
  house.loop.turn();
  CHECK(house.status(id).status == shared::Status::processing);
  CHECK(house.status(id).progress < 100);
  house.store.let_go();
  house.loop.turn();
  CHECK(house.fate(id) == "completed");
}

TEST_CASE("watchers hear of every transition and of the end last") {
  House house(slots(1));
  house.spawner.runner_goes();
  const std::string id = house.accepted(house.upload("report.docx", a_docx));
  Story heard;
  bool terminal = false;
  std::int64_t rev = 0;
  const auto watcher = house.manager().board().subscribe(id, [&](const convd::events::Latest& latest) {
    CHECK_FALSE(terminal);
    CHECK(latest.rev > rev);
    rev = latest.rev;
    terminal = latest.terminal;
    heard.push_back(shared::status_object_from(shared::Json::parse(*latest.frame)->read())->message);
  });
  house.spawner.runner_comes();
  house.loop.advance(1s);
  house.spawner.prints(house.child_of(id), "page 1/2\n");
  house.loop.advance(1s);
  house.succeed(id, {{"source.pdf", "x"}});
  house.loop.advance(1s);
  REQUIRE(heard.size() >= 3);
  CHECK(std::find(heard.begin(), heard.end(), "Converting page 1 of 2") != heard.end());
  CHECK(heard.back() == "Completed");
  CHECK(terminal);
}

TEST_CASE("a route of two steps hands the output of the first to the second") {
  House house;
  auto submission = house.upload("slides.docx", a_docx);
  submission.to = "png";
  submission.options = shared::Json::object().set("pages", "2-3").set("dpi", 200).clone();
  const std::string id = house.accepted(std::move(submission));
  CHECK(house.spawner.child(house.child_of(id)).spec.argv == Story{"/bin/sh", "/in/source.docx", "pdf", "pages=2-3"});
  CHECK(house.status(id).stage->count == 3);
  house.spawner.prints(house.child_of(id), "page 2/2\n");
  CHECK(house.status(id).progress == 80);
  house.succeed(id, {{"source.pdf", "between"}});
  CHECK(house.spawner.child(house.child_of(id)).input == "between");
  CHECK(house.spawner.child(house.child_of(id)).spec.argv == Story{"/bin/sh", "/in/source.pdf", "png", "dpi=200"});
  CHECK(house.status(id).stage->name == "poppler");
  CHECK(house.status(id).progress == 80);

  house.succeed(id, {{"source-1.png", "one"}, {"source-2.png", "two"}, {"source.log", "no result"}});
  const auto status = house.status(id);
  CHECK(status.result->file.name == "slides.zip");
  REQUIRE(status.result->parts.size() == 2);
  CHECK(house.result_text(id, "slides-1.png") == "one");
  CHECK(house.result_text(id, "slides-2.png") == "two");
  CHECK(house.result_text(id).substr(0, 2) == "PK");
  CHECK(house.spawner.all_released());
}

TEST_CASE("hundreds of pages are published without hundreds of descriptors") {
  House house;
  auto submission = house.upload("book.pdf", a_pdf);
  submission.to = "png";
  const std::string id = house.accepted(std::move(submission));
  std::map<std::string, std::string> pages;
  for (int i = 100; i < 400; ++i) pages["source-" + std::to_string(i) + ".png"] = std::to_string(i);
  house.succeed(id, pages);
  CHECK(house.status(id).result->parts.size() == 300);
  CHECK(house.result_text(id, "book-300.png") == "399");
}

TEST_CASE("ten at once do not mix, and never more run than there are slots") {
  House house(slots(3));
  std::vector<std::string> ids;
  for (int i = 0; i < 10; ++i) {
    ids.push_back(house.accepted(house.upload("doc" + std::to_string(i) + ".docx", a_docx + std::to_string(i))));
  }
  CHECK(house.manager().capacity().running == 3);
  CHECK(house.manager().capacity().waiting == 7);
  CHECK(house.status(ids[9]).position == 7);
  while (!house.spawner.running().empty()) {
    const auto child = house.spawner.running().back();
    house.spawner.succeeds(child, {{"source.pdf", "pdf of " + house.spawner.child(child).input}});
    house.loop.turn();
  }
  CHECK(house.spawner.most_at_once() == 3);
  for (int i = 0; i < 10; ++i) {
    const auto& id = ids[static_cast<std::size_t>(i)];
    CHECK(house.result_text(id) == "pdf of " + a_docx + std::to_string(i));
    CHECK(house.status(id).result->file.name == "doc" + std::to_string(i) + ".pdf");
  }
}

TEST_CASE("what is wrong with the request is answered at once") {
  House house;
  const auto refusal = [&](auto change) {
    auto submission = house.upload("a.pdf", a_pdf);
    change(submission);
    const auto outcome = house.submit(std::move(submission));
    return outcome ? "accepted" : std::string(shared::to_string(outcome.error().code)) + ": " + outcome.error().message;
  };
  CHECK(refusal([](auto& s) { s.filename = "../a.pdf"; }).substr(0, 16) == "invalid_filename");
  CHECK(refusal([](auto& s) { s.filename = "a.xyzzy"; }).substr(0, 22) == "unsupported_conversion");
  CHECK(refusal([](auto& s) { s.from = "xyzzy"; }).substr(0, 22) == "unsupported_conversion");
  CHECK(refusal([](auto& s) { s.to = "mp3"; }).substr(0, 22) == "unsupported_conversion");
  CHECK(refusal([](auto& s) { s.options.set("colour", "red"); }).substr(0, 14) == "invalid_option");
  CHECK(refusal([](auto& s) { s.priority = 10; }) == "invalid_option: priority: expected 0 to 9, not 10");
  CHECK(refusal([](auto& s) { s.deadline_ms = 0; }).substr(0, 27) == "invalid_option: deadline_ms");
  CHECK(refusal([](auto& s) { s.labels[std::string(64, 'k')] = "v"; }).substr(0, 22) == "invalid_option: labels");
  CHECK(refusal([](auto& s) { s.labels["k"] = std::string(256, 'v'); }).substr(0, 22) == "invalid_option: labels");
  CHECK(refusal([](auto& s) {
          for (int i = 0; i < 33; ++i) s.labels["k" + std::to_string(i)] = "v";
        }) == "invalid_option: labels: at most 32 are allowed");
  CHECK(refusal([](auto& s) { s.prompt_mode = "prompt"; }) ==
        "invalid_option: unknown prompt_mode \"prompt\"; known are prompt_layout_all_en, prompt_layout_only_en, "
        "prompt_ocr");
  CHECK(refusal([](auto& s) {
          s.prompt_mode = "prompt_ocr";
          s.to = "md";
        }) == "invalid_option: prompt_mode \"prompt_ocr\" makes txt, not md; leave out one of prompt_mode and to");
  CHECK(code(house.submit(house.library("nobody.pdf"))) == "document_not_found");
  CHECK(house.store.log().empty());
}

TEST_CASE("the target follows from the prompt mode and the input") {
  House house(slots(9));
  const auto target = [&](const std::string& name, const std::string& bytes, std::optional<std::string> mode) {
    auto submission = house.upload(name, bytes);
    submission.prompt_mode = std::move(mode);
    return house.submit(std::move(submission))->to;
  };
  CHECK(target("a.docx", a_docx, std::nullopt) == "pdf");
  CHECK(target("a.pdf", a_pdf, std::nullopt) == "md");
  CHECK(target("a.docx", a_docx, "prompt_layout_all_en") == "md");
  CHECK(target("a.pdf", a_pdf, "prompt_layout_only_en") == "json");
  CHECK(target("a.pdf", a_pdf, "prompt_ocr") == "txt");
}

TEST_CASE("limits refuse with the reason") {
  Settings settings = slots(1);
  settings.queue_limit = 3;
  settings.queue_limit_per_org = 2;
  settings.input_bytes = 1000;
  House house(settings);
  for (int i = 0; i < 3; ++i) (void)house.accepted(house.upload("a.docx", a_docx));
  CHECK(house.submit(house.upload("a.docx", a_docx)).error().message ==
        "2 of your conversions are waiting, which is the limit");
  (void)house.accepted(house.upload("a.docx", a_docx, "uid:2"));
  CHECK(house.submit(house.upload("a.docx", a_docx, "uid:2")).error().message ==
        "3 conversions are waiting, which is the limit");
  CHECK_FALSE(house.manager().capacity().accepting);
  House other(settings);
  CHECK(code(other.submit(other.upload("a.docx", std::string(1001, 'x')))) == "input_too_large");
}

TEST_CASE("what is wrong with the content is found by the job and ends it") {
  House house;
  const std::string empty = house.accepted(house.upload("a.docx", ""));
  CHECK(house.fate(empty) == "error input_invalid");
  CHECK(house.status(empty).error == "The document is empty");
  CHECK(house.status(empty).progress == 0);
  const std::string wrong = house.accepted(house.upload("b.docx", a_pdf));
  CHECK(house.fate(wrong) == "error input_invalid");
  const std::string damaged = house.accepted(house.upload("c.docx", a_docx));
  house.spawner.prints(house.child_of(damaged), "bad document\n", Stream::err);
  house.spawner.ends(house.child_of(damaged), End::exited, 1);
  house.loop.turn();
  CHECK(house.fate(damaged) == "error input_invalid");
  CHECK(house.status(damaged).error == "The document is damaged");
  CHECK(house.status(damaged).error_info->detail == "bad document\n");
  CHECK(house.status(damaged).error_info->stage == "office");
  CHECK(house.manager().counters().errors.at("input_invalid") == 3);
  CHECK(house.manager().counters().retries == 0);
}

TEST_CASE("more pages than input_pages end a conversion as soon as its engine tells them") {
  Settings settings;
  settings.input_limits.input_pages = 30;
  House house(settings);
  const std::string many = house.accepted(house.upload("many.docx", a_docx));
  const auto child = house.child_of(many);
  house.spawner.prints(child, "pages 31\npage 1/31\n");
  house.loop.turn();
  CHECK_FALSE(house.spawner.child(child).running);
  CHECK(house.fate(many) == "error input_too_large");
  CHECK(house.status(many).error == "The document has 31 pages, more than 30 (input_pages)");
  CHECK(house.store.conversion(many)->failures == 1);

  const std::string told_last = house.accepted(house.upload("late.docx", a_docx));
  house.spawner.prints(house.child_of(told_last), "pages 31\n");
  house.succeed(told_last, {{"source.pdf", "x"}});
  CHECK(house.fate(told_last) == "error input_too_large");

  const std::string just = house.accepted(house.upload("just.docx", a_docx));
  house.spawner.prints(house.child_of(just), "pages 30\npage 1/30\n");
  house.succeed(just, {{"source.pdf", "x"}});
  CHECK(house.fate(just) == "completed");
}

TEST_CASE("an encrypted document needs its password, which is kept no longer than needed") {
  const std::string ole = "\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1" + std::string(3000, '\0');
  House house;
  const std::string locked = house.accepted(house.upload("secret.docx", ole));
  CHECK(house.fate(locked) == "error input_encrypted");

  auto submission = house.upload("secret.docx", ole);
  submission.options = shared::Json::object().set("password", "hunter2").clone();
  const std::string id = house.accepted(std::move(submission));
  CHECK(house.spawner.child(house.child_of(id)).spec.argv.back() == "password=hunter2");
  CHECK(house.store.conversion(id)->options_json.find("hunter2") != std::string::npos);
  house.spawner.prints(house.child_of(id), "tried hunter2: bad document", Stream::err);
  house.spawner.ends(house.child_of(id), End::exited, 1);
  house.loop.turn();
  CHECK(house.status(id).error_info->detail == "tried ***: bad document");
  CHECK(house.store.conversion(id)->options_json == R"({"password":""})");
  CHECK(code(house.retry(id)) == "invalid_option");
  for (const auto& event : house.store.log()) CHECK(event.data_json.find("hunter2") == std::string::npos);
}

TEST_CASE("what only a warm office can do says so where there is none, and is not tried again") {
  House house;
  auto submission = house.upload("report.docx", a_docx);
  submission.options = shared::Json::object().set("landscape", true).clone();
  const std::string id = house.accepted(std::move(submission));
  const auto child = house.child_of(id);
  CHECK(house.spawner.child(child).spec.needs_warm_office);
  REQUIRE(house.spawner.child(child).spec.office);
  CHECK(house.spawner.child(child).spec.office->landscape);
  house.spawner.ends(child, End::not_started, 0, "it is not installed");
  house.loop.turn();
  CHECK(house.fate(id) == "error engine_failed");
  CHECK(house.status(id).error == "Only a warm one can: it is not installed");
  CHECK(house.manager().counters().retries == 0);
}

TEST_CASE("a warm office that came in between serves the next attempt") {
  House house;
  auto submission = house.upload("report.docx", a_docx);
  submission.options = shared::Json::object().set("landscape", true).clone();
  const std::string id = house.accepted(std::move(submission));
  house.spawner.warms_up();
  house.spawner.ends(house.child_of(id), End::not_started, 0, "it is starting");
  house.loop.turn();
  CHECK(house.status(id).status == shared::Status::pending);
  CHECK(house.manager().counters().retries == 1);
}

TEST_CASE("an engine that says what it is at is heard, and estimates go on") {
  House house;
  const std::string first = house.accepted(house.upload("first.docx", a_docx));
  house.loop.advance(2s);
  house.succeed(first, {{"source.pdf", "x"}});
  const std::string id = house.accepted(house.upload("report.docx", a_docx));
  house.spawner.prints(house.child_of(id), "reads\n");
  CHECK(house.status(id).message == "Reading report.docx");
  house.loop.advance(1s);
  CHECK(house.status(id).message == "Reading report.docx");
  CHECK(house.status(id).stage->kind == shared::ProgressKind::estimated);
  CHECK(house.status(id).progress >= 45);
  house.spawner.prints(house.child_of(id), "page 9/10\n");
  CHECK(house.status(id).message == "Converting page 9 of 10");
  CHECK(house.status(id).stage->kind == shared::ProgressKind::measured);
}

TEST_CASE("the receipt says what really ran, also what failed") {
  House house;
  const std::string id = house.accepted(house.upload("report.docx", a_docx));
  CHECK(house.manager().receipt("uid:1", id)->steps.empty());
  house.spawner.prints(house.child_of(id), "page 1/31\n");
  house.loop.advance(700ms);
  house.spawner.ends(house.child_of(id), End::signalled, 11);
  house.loop.advance(2s);
  house.restart();
  house.loop.advance(2s);
  house.spawner.uses(1234, 64 << 20, true);
  house.spawner.prints(house.child_of(id),
                       "pages 31\nwrote 30\nwants Futura\nfont Futura>Gothic\nlink http://far\nwarning odd\n");
  house.succeed(id, {{"source.pdf", "x"}});
  REQUIRE(house.fate(id) == "completed");
  const auto receipt = *house.manager().receipt("uid:1", id);
  CHECK(receipt.status == shared::Status::completed);
  CHECK(receipt.filename == "report.docx");
  REQUIRE(receipt.steps.size() == 2);
  CHECK(receipt.steps[0].attempt == 1);
  CHECK(receipt.steps[0].outcome == "engine_crashed");
  CHECK(receipt.steps[0].wall_ms == 700);
  const auto& last = receipt.steps[1];
  CHECK(last.attempt == 3);  // the second went with the daemon, which could not say so
  CHECK(last.engine == "office");
  CHECK(last.version == "7.4.7");
  CHECK(last.outcome == "ok");
  CHECK(last.warm);
  CHECK(last.cpu_ms == 1234);
  CHECK(last.peak_rss_bytes == 64 << 20);
  CHECK(last.ended == "exited");
  CHECK(last.pages_in == 31);
  CHECK(last.pages_out == 30);
  CHECK(last.fonts_requested == std::vector<std::string>{"Futura"});
  REQUIRE(last.fonts_substituted.size() == 1);
  CHECK(last.fonts_substituted[0].requested == "Futura");
  CHECK(last.fonts_substituted[0].used == "Gothic");
  CHECK(last.links_blocked == std::vector<std::string>{"http://far"});
  CHECK(last.warnings == std::vector<std::string>{"odd"});
  REQUIRE(receipt.attempts.size() == 3);
  CHECK(receipt.attempts[0].outcome == "engine_crashed");
  CHECK(receipt.attempts[0].wall_ms == 700);
  CHECK(receipt.attempts[1].outcome == "interrupted");
  CHECK(receipt.attempts[2].outcome == "ok");
  CHECK(receipt.attempts[2].wall_ms >= last.wall_ms);
  CHECK(receipt.attempts[2].input_check_ms);
  CHECK(receipt.attempts[2].publish_ms);
  CHECK(receipt.failures == 1);
  CHECK(receipt.interruptions == 1);
  CHECK(receipt.pages_in == 31);
  CHECK(receipt.route.at(0).engine == "office");
  REQUIRE(receipt.output);
  CHECK(receipt.output->files.at(0).name == "report.pdf");
  CHECK(receipt.input.size_bytes == static_cast<std::int64_t>(a_docx.size()));
  CHECK(house.manager().receipt("uid:2", id).error().code == ErrorCode::conversion_not_found);
}

TEST_CASE("a receipt holds no password") {
  House house;
  auto submission = house.upload("report.docx", a_docx);
  submission.options = shared::Json::object().set("password", "hunter2").clone();
  const std::string id = house.accepted(std::move(submission));
  house.spawner.prints(house.child_of(id), "font hunter2 Sans\nwarning hunter2 is weak\n");
  house.succeed(id, {{"source.pdf", "x"}});
  const auto step = house.manager().receipt("uid:1", id)->steps.at(0);
  CHECK(step.fonts_substituted.at(0).requested == "*** Sans");
  CHECK(step.warnings.at(0) == "*** is weak");
}

TEST_CASE("an early page is there before the end and after it, also when more steps follow") {
  House house;
  const std::string id = house.accepted(house.upload("report.docx", a_docx));
  const auto early = [&] {
    const auto page = house.manager().early_page("uid:1", id);
    if (!page) return std::string(shared::to_string(page.error().code));
    std::string text(static_cast<std::size_t>(page->file.size_bytes), '\0');
    REQUIRE(::pread(page->fd.get(), text.data(), text.size(), 0) == static_cast<ssize_t>(text.size()));
    return text;
  };
  CHECK(early() == "not_found");
  house.spawner.writes(house.child_of(id), "early-page.png", "a picture");
  house.loop.turn();
  CHECK(early() == "not_found");
  house.spawner.prints(house.child_of(id), "early page\n");
  house.loop.turn();
  CHECK(early() == "a picture");
  CHECK(house.manager().early_page("uid:2", id).error().code == ErrorCode::conversion_not_found);
  house.succeed(id, {{"source.pdf", "x"}});
  REQUIRE(house.fate(id) == "completed");
  CHECK(early() == "a picture");
  CHECK(house.status(id).result->parts.empty());
  CHECK(house.result_text(id) == "x");
  CHECK(house.result_text(id, ".early-page.png") == "not_found");

  auto submission = house.upload("more.docx", a_docx);
  submission.to = "png";
  const std::string two = house.accepted(std::move(submission));
  house.spawner.writes(house.child_of(two), "early-page.png", "another");
  house.spawner.prints(house.child_of(two), "early page\n");
  house.succeed(two, {{"source.pdf", a_pdf}});
  CHECK(house.manager().early_page("uid:1", two));
  house.succeed(two, {{"source.png", "x"}});
  CHECK(house.fate(two) == "completed");
  CHECK(house.manager().early_page("uid:1", two));
}

TEST_CASE("progress nobody watches is not written out, and costs no commit") {
  House house;
  const std::string id = house.accepted(house.upload("report.docx", a_docx));
  int heard = 0;
  const auto events = house.store.log().size();
  for (int page = 1; page <= 100; ++page)
    house.spawner.prints(house.child_of(id), "page " + std::to_string(page) + "/300\n");
  const auto watcher = house.manager().board().subscribe(
      id, [&](const auto&) { ++heard; }, 20ms);
  for (int page = 101; page <= 300; ++page) {
    house.spawner.prints(house.child_of(id), "page " + std::to_string(page) + "/300\n");
    house.loop.advance(10ms);
  }
  CHECK(heard >= 95);
  CHECK(heard <= 101);
  CHECK(house.store.log().size() == events);
}

TEST_CASE("progress is written out for an observer when it wants that org's, states in any case") {
  struct Observer final : convd::events::Board::Observer {
    void published(const std::string&, const convd::events::Latest& latest, convd::events::Urgency urgency) override {
      CHECK(latest.org == "uid:1");
      ++(urgency == convd::events::Urgency::state ? states : progress);
    }
    void superseded(const std::string&, const std::string& org) override {
      CHECK(org == "uid:1");
      ++changes;
    }
    bool wants_progress(const std::string& org) const override { return org == wanted; }
    std::string wanted = "uid:2";
    int states = 0;
    int progress = 0;
    int changes = 0;
  };
  House house;
  Observer observer;
  house.manager().board().observe(&observer);
  const std::string id = house.accepted(house.upload("report.docx", a_docx));
  house.spawner.prints(house.child_of(id), "page 1/300\n");
  CHECK(observer.progress == 0);
  observer.wanted = "uid:1";
  house.spawner.prints(house.child_of(id), "page 2/300\n");
  CHECK(observer.progress == 1);
  observer.wanted = "uid:2";
  house.succeed(id, {{"source.pdf", "x"}});
  CHECK(observer.progress == 1);
  CHECK(observer.states == 3);
  CHECK(observer.changes == 2);
}

TEST_CASE("an ordinary document takes the warm office or not") {
  House house;
  const std::string id = house.accepted(house.upload("report.docx", a_docx));
  const auto child = house.child_of(id);
  CHECK(house.spawner.child(child).spec.office);
  CHECK_FALSE(house.spawner.child(child).spec.needs_warm_office);
}

TEST_CASE("a step that makes no output, or too many for the next, is an error") {
  House house;
  const std::string none = house.accepted(house.upload("a.docx", a_docx));
  house.succeed(none, {{"core", "x"}});
  CHECK(house.fate(none) == "error engine_failed");
  CHECK(house.status(none).error == "The office made no output");
  Settings settings;
  settings.output_bytes = 10;
  House small(settings);
  const std::string large = small.accepted(small.upload("a.docx", a_docx));
  small.succeed(large, {{"source.pdf", "eleven bytes"}});
  CHECK(small.fate(large) == "error output_too_large");
  CHECK(small.result_text(large) == "not_found");
}

TEST_CASE("a crash is tried again with full jitter, three times in all") {
  House house;
  const std::string id = house.accepted(house.upload("a.docx", a_docx));
  for (int run = 1; run <= 3; ++run) {
    house.spawner.ends(house.child_of(id), End::signalled, 11);
    house.loop.turn();
    if (run == 3) break;
    CHECK(house.fate(id) == "pending");
    CHECK(house.manager().capacity().waiting == 1);
    // Full jitter lies between nothing and 1 s, then 2 s.
    house.loop.advance(run * 1s);
    CHECK(house.status(id).attempt == run + 1);
  }
  CHECK(house.fate(id) == "error engine_crashed");
  CHECK(house.status(id).error_info->retryable);
  CHECK(house.spawner.started() == 3);
  CHECK(house.manager().counters().retries == 2);
}

TEST_CASE("the pause before another run is never longer than the cap, and not always the same") {
  std::set<std::int64_t> pauses;
  for (int i = 0; i < 20; ++i) {
    Settings settings;
    settings.attempts = 9;
    settings.quarantine_crashes = 9;
    settings.retry_cap_ms = 1500;
    House house(settings);
    const std::string id = house.accepted(house.upload("a.docx", a_docx));
    for (int run = 1; run <= 4; ++run) {
      house.spawner.ends(house.child_of(id), End::out_of_memory);
      std::int64_t pause = 0;
      for (house.loop.turn(); house.spawner.running().empty(); pause += 10) house.loop.advance(10ms);
      CHECK(pause <= 1510);
      pauses.insert(pause);
    }
  }
  CHECK(pauses.size() > 5);
}

TEST_CASE("a lost runner is waited for and is nobody's failure") {
  House house(slots(2));
  const std::string a = house.accepted(house.upload("a.docx", a_docx));
  const std::string b = house.accepted(house.upload("b.docx", a_docx));
  house.spawner.runner_goes();
  house.loop.turn();
  CHECK(house.fate(a) == "pending");
  house.loop.advance(60s);
  CHECK(house.spawner.started() == 2);
  CHECK(house.manager().problems().front().first == "runner");
  house.spawner.runner_comes();
  house.loop.advance(2s);
  house.succeed(a, {{"source.pdf", "a"}});
  house.succeed(b, {{"source.pdf", "b"}});
  CHECK(house.fate(a) == "completed");
  CHECK(house.fate(b) == "completed");
  CHECK(house.store.conversion(a)->failures == 0);
  CHECK(house.manager().problems().empty());
}

TEST_CASE("a document that takes the runner down every time ends as interrupted") {
  House house;
  const std::string id = house.accepted(house.upload("a.docx", a_docx));
  for (int i = 0; i < 10; ++i) {
    CHECK(house.fate(id) == "processing");
    house.spawner.runner_goes();
    house.loop.turn();
    house.spawner.runner_comes();
    house.loop.advance(11s);
  }
  CHECK(house.fate(id) == "error interrupted");
}

TEST_CASE("a runner that goes before its outputs are fetched has interrupted, not failed") {
  Settings settings = slots(1);
  settings.attempts = 1;
  House house(settings);
  auto submission = house.upload("slides.docx", a_docx);
  submission.to = "png";
  const std::string id = house.accepted(std::move(submission));
  for (int step = 0; step < 2; ++step) {
    // The last step's end is told, and the outputs are asked for, in a turn that finds the runner gone.
    if (step == 1) house.succeed(id, {{"source.pdf", "between"}});
    house.spawner.succeeds(house.child_of(id), {{step == 0 ? "source.pdf" : "source-1.png", "made"}});
    house.spawner.runner_goes();
    house.loop.turn();
    CHECK(house.fate(id) == "pending");
    CHECK(house.store.conversion(id)->failures == 0);
    house.spawner.runner_comes();
    house.loop.advance(2s);
  }
  house.succeed(id, {{"source.pdf", "between"}});
  house.succeed(id, {{"source-1.png", "made"}});
  CHECK(house.fate(id) == "completed");
}

TEST_CASE("what could not start without a runner has not failed, though one has come since") {
  Settings settings = slots(1);
  settings.attempts = 1;
  House house(settings);
  house.store.hold();
  const std::string id = [&] {
    house.store.let_go();
    return house.accepted(house.upload("a.docx", a_docx));
  }();
  house.spawner.ends(house.child_of(id), End::lost);
  house.loop.turn();
  house.store.hold();
  house.loop.advance(2s);  // it is to run again, and waits for its commit
  house.spawner.runner_goes();
  house.store.let_go();
  while (house.spawner.started() == 1) house.loop.run_one();
  house.loop.run_one();  // its end comes
  house.spawner.runner_comes();
  house.loop.turn();
  CHECK(house.fate(id) == "pending");
  CHECK(house.store.conversion(id)->failures == 0);
}

TEST_CASE("a run that was lost or stopped has not taken too long, however late that is heard") {
  Settings settings = slots(1);
  settings.attempt_timeout_ms = 10'000;
  House house(settings);
  const std::string id = house.accepted(house.upload("a.docx", a_docx));
  house.loop.pass(10s);  // the timer is due, nothing has run yet
  house.spawner.ends(house.child_of(id), End::lost);
  house.loop.run_one();
  house.loop.fire_next();
  house.loop.turn();
  CHECK(house.fate(id) == "pending");
  CHECK(house.store.conversion(id)->failures == 0);
}

TEST_CASE("a waiting conversion is cancelled at once") {
  House house(slots(1));
  const std::string running = house.accepted(house.upload("a.docx", a_docx));
  const std::string waiting = house.accepted(house.upload("b.docx", a_docx));
  const auto answer = house.cancel(waiting);
  REQUIRE(answer);
  CHECK(answer->status == shared::Status::cancelled);
  CHECK(answer->message == "Cancelled");
  CHECK(answer->error == std::nullopt);
  CHECK(code(house.cancel(waiting)) == "already_finished");
  CHECK(code(house.cancel(waiting, "uid:2")) == "conversion_not_found");
  CHECK(house.manager().capacity().waiting == 0);
  CHECK(house.store.story(waiting) == Story{"conversion.pending", "conversion.cancelled"});
  CHECK(house.fate(running) == "processing");
}

TEST_CASE("a running conversion is killed and its slot is free for the next") {
  House house(slots(1));
  const std::string a = house.accepted(house.upload("a.docx", a_docx));
  const std::string b = house.accepted(house.upload("b.docx", a_docx));
  CHECK(house.cancel(a)->status == shared::Status::cancelled);
  CHECK(house.fate(b) == "processing");
  house.succeed(b, {{"source.pdf", "b"}});
  CHECK(house.result_text(b) == "b");
  CHECK(house.result_text(a) == "not_found");
}

TEST_CASE("a cancel between the end of the engine and the commit meets exactly one end") {
  House house;
  const std::string id = house.accepted(house.upload("a.docx", a_docx));
  house.spawner.succeeds(house.child_of(id), {{"source.pdf", "x"}});
  const auto answer = house.cancel(id);
  const auto story = house.store.story(id);
  CHECK(story.size() == 3);
  CHECK(story.back() == (answer ? "conversion.cancelled" : "conversion.completed"));
  CHECK(house.store.refused_updates() == 0);
}

TEST_CASE("a cancel while the start is being stored lets nothing start") {
  House house(slots(1));
  const std::string id = house.accepted(house.upload("a.docx", a_docx));
  const int started = house.spawner.started();
  house.spawner.ends(house.child_of(id), End::lost);
  house.loop.turn();
  house.store.hold();
  house.loop.advance(2s);
  bool answered = false;
  house.manager().cancel("uid:1", id, [&](auto outcome) { answered = outcome.ok(); });
  house.store.let_go();
  house.loop.turn();
  CHECK(answered);
  CHECK(house.fate(id) == "cancelled cancelled_by_user");
  CHECK(house.spawner.started() == started);
  CHECK(house.manager().capacity().running == 0);
}

TEST_CASE("a cancel of what the disk has no room to start is not held up by it") {
  House house(slots(1));
  const std::string id = house.accepted(house.upload("a.docx", a_docx));
  house.spawner.ends(house.child_of(id), End::lost);
  house.loop.turn();
  const shared::Error full{ErrorCode::disk_full, "no space left on the device", {}};
  Story story{"conversion.pending", "conversion.processing", "conversion.pending"};
  SECTION("nothing of the start is stored") {
    house.store.fail_commits(full);
  }
  SECTION("it is stored, and nobody knows") {
    house.store.doubt_commit(full);
    story.emplace_back("conversion.processing");
  }
  house.store.hold();
  house.loop.advance(2s);
  (void)house.manager().cancel("uid:1", id, [](const auto&) {});
  house.store.let_go();
  house.loop.turn();
  CHECK(house.manager().capacity().running == 0);
  house.store.fail_commits(std::nullopt);
  house.loop.advance(2s);
  CHECK(house.fate(id) == "cancelled cancelled_by_user");
  story.emplace_back("conversion.cancelled");
  CHECK(house.store.story(id) == story);
  CHECK(house.store.refused_updates() == 0);
}

TEST_CASE("a cancel while the result is being published leaves no result") {
  House house;
  const std::string id = house.accepted(house.upload("a.docx", a_docx));
  house.store.hold();
  house.succeed(id, {{"source.pdf", "x"}});
  CHECK(house.status(id).stage->name == "finishing");
  bool answered = false;
  house.manager().cancel("uid:1", id, [&](auto outcome) { answered = outcome.ok(); });
  house.loop.turn();
  house.store.let_go();
  house.loop.turn();
  CHECK(answered);
  CHECK(house.fate(id) == "cancelled cancelled_by_user");
  CHECK_FALSE(house.store.files().open_result(id, "a.pdf"));
}

TEST_CASE("the three timeouts are separate") {
  Settings settings = slots(1);
  settings.attempt_timeout_ms = 300'000;
  settings.stall_timeout_ms = 60'000;
  House house(settings);
  const std::string a = house.accepted(house.upload("a.docx", a_docx));
  auto patient = house.upload("b.docx", a_docx);
  patient.deadline_ms = 100'000;
  const std::string b = house.accepted(std::move(patient));

  for (int i = 1; i <= 6; ++i) {  // busy without a word
    house.loop.advance(50s);
    if (i < 6) house.spawner.uses_cpu(house.child_of(a), i * 40'000);
    if (i == 2) CHECK(house.fate(b) == "error timed_out");
  }
  CHECK(house.status(b).error == "The conversion waited longer than its deadline");
  CHECK(house.fate(a) == "error timed_out");
  CHECK(house.status(a).error == "The conversion took longer than 300 s");

  const std::string c = house.accepted(house.upload("c.docx", a_docx));
  house.loop.advance(59s);
  house.spawner.prints(house.child_of(c), "still here\n");
  house.loop.advance(59s);
  CHECK(house.fate(c) == "processing");
  house.spawner.uses_cpu(house.child_of(c), 3);  // an idle loop is no work
  house.loop.advance(2s);
  CHECK(house.store.conversion(c)->failures == 1);
}

TEST_CASE("a crash of the daemon loses nothing and repeats nothing") {
  House house(slots(1));
  const std::string done = house.accepted(house.upload("done.docx", a_docx));
  house.succeed(done, {{"source.pdf", "done"}});
  const std::string running = house.accepted(house.upload("running.docx", a_docx));
  const std::string waiting = house.accepted(house.upload("waiting.docx", a_docx));
  house.spawner.prints(house.child_of(running), "page 1/2\n");
  const auto before = house.status(running);
  const int started = house.spawner.started();

  house.restart();
  CHECK(house.manager().counters().recovered == 1);
  CHECK(house.fate(done) == "completed");
  CHECK(house.result_text(done) == "done");
  CHECK(house.spawner.started() == started + 1);
  const auto after = house.status(running);
  CHECK(after.rev > before.rev + (1 << 19));
  CHECK(after.attempt == 2);
  CHECK(after.progress == 0);
  CHECK(house.store.conversion(running)->failures == 0);
  house.succeed(running, {{"source.pdf", "r"}});
  house.succeed(waiting, {{"source.pdf", "w"}});
  CHECK(house.result_text(running) == "r");
  CHECK(house.result_text(waiting) == "w");
  CHECK(house.store.story(running) == Story{"conversion.pending", "conversion.processing", "conversion.pending",
                                            "conversion.processing", "conversion.completed"});
}

TEST_CASE("a crash between the result and its commit leaves no result of a conversion that has none") {
  House house;
  const std::string id = house.accepted(house.upload("a.docx", a_docx));
  auto submission = house.library("a.docx");
  house.spawner.succeeds(house.child_of(id), {{"source.pdf", "early"}});
  house.store.fail_commits(shared::Error{ErrorCode::unavailable, "the disk is away", {}});
  house.loop.turn();
  house.store.fail_commits(std::nullopt);
  house.restart();
  CHECK(house.result_text(id) == "not_finished");
  CHECK_FALSE(house.store.files().open_result(id, "a.pdf"));
  house.succeed(id, {{"source.pdf", "again"}});
  CHECK(house.result_text(id) == "again");
}

TEST_CASE("an end that cannot be stored is stored when it can") {
  House house;
  const std::string id = house.accepted(house.upload("a.docx", a_docx));
  house.store.fail_commits(shared::Error{ErrorCode::disk_full, "no space left", {}});
  house.spawner.prints(house.child_of(id), "bad document", Stream::err);
  house.spawner.ends(house.child_of(id), End::exited, 1);
  house.loop.turn();
  CHECK(house.fate(id) == "processing");
  CHECK(house.manager().problems().front().second == "no space left");
  CHECK(code(house.submit(house.upload("b.docx", a_docx))) == "disk_full");
  house.loop.advance(5s);
  CHECK(house.fate(id) == "processing");
  house.store.fail_commits(std::nullopt);
  house.loop.advance(2s);
  CHECK(house.fate(id) == "error input_invalid");
  CHECK(house.manager().problems().empty());
}

TEST_CASE("a drain lets running work finish and takes no more") {
  House house(slots(1));
  const std::string running = house.accepted(house.upload("a.docx", a_docx));
  const std::string waiting = house.accepted(house.upload("b.docx", a_docx));
  auto late = house.upload("c.docx", a_docx);
  bool drained = false;
  house.manager().drain(30s, [&] { drained = true; });
  CHECK(code(house.submit(std::move(late))) == "shutting_down");
  CHECK(house.manager().begin_upload("uid:1").error().code == ErrorCode::shutting_down);
  house.loop.advance(10s);
  CHECK_FALSE(drained);
  house.succeed(running, {{"source.pdf", "a"}});
  CHECK(drained);
  CHECK(house.fate(running) == "completed");
  CHECK(house.fate(waiting) == "pending");
  house.restart();
  house.succeed(waiting, {{"source.pdf", "b"}});
  CHECK(house.fate(waiting) == "completed");
}

TEST_CASE("a drain out of patience puts back what runs, which is no failure") {
  House house;
  const std::string id = house.accepted(house.upload("a.docx", a_docx));
  bool drained = false;
  house.manager().drain(30s, [&] { drained = true; });
  house.loop.advance(31s);
  CHECK(drained);
  CHECK(house.store.conversion(id)->status == "pending");
  CHECK(house.store.conversion(id)->failures == 0);
  house.restart();
  house.succeed(id, {{"source.pdf", "a"}});
  CHECK(house.fate(id) == "completed");
}

TEST_CASE("removal: what has ended goes, what runs is cancelled first") {
  House house;
  const std::string done = house.accepted(house.upload("a.docx", a_docx));
  house.succeed(done, {{"source.pdf", "a"}});
  const std::string running = house.accepted(house.library("a.docx"));
  int removed = 0;
  for (const auto& id : {done, running}) {
    house.manager().remove("uid:1", id, [&](shared::Result<void> outcome) { removed += outcome.ok(); });
  }
  house.loop.turn();
  CHECK(removed == 2);
  CHECK(house.manager().status("uid:1", done).error().code == ErrorCode::conversion_not_found);
  CHECK_FALSE(house.store.files().open_result(done, "a.pdf"));
  CHECK(house.store.story(running).back() == "conversion.removed");
  CHECK(house.spawner.running().empty());
  CHECK(house.manager().document("uid:1", "a.docx"));
}

TEST_CASE("what is removed is gone from the disk when the answer comes") {
  House house;
  const std::string id = house.accepted(house.upload("a.docx", a_docx));
  house.succeed(id, {{"source.pdf", "a"}});
  const std::string bytes = house.store.conversion(id)->input_sha256;
  REQUIRE(house.store.files().open_result(id, "a.pdf"));
  REQUIRE(house.store.files().open_blob(bytes));
  int answers = 0;
  house.manager().remove("uid:1", id, [&](shared::Result<void> outcome) {
    CHECK(outcome);
    CHECK(house.store.files().open_result(id, "a.pdf").error().code == ErrorCode::result_gone);
    ++answers;
  });
  house.loop.turn();
  house.manager().remove_document("uid:1", "a.docx", [&](shared::Result<void> outcome) {
    CHECK(outcome);
    CHECK_FALSE(house.store.files().open_blob(bytes));
    ++answers;
  });
  house.loop.turn();
  CHECK(answers == 2);
}

TEST_CASE("a result whose file is gone by itself is damaged") {
  House house;
  const std::string id = house.accepted(house.upload("a.docx", a_docx));
  house.succeed(id, {{"source.pdf", "a"}});
  house.store.files().remove_results(id);
  CHECK(house.result_text(id) == "result_damaged");
}

TEST_CASE("a retry makes a new conversion of the same bytes while they are there") {
  House house;
  auto submission = house.upload("a.docx", a_docx);
  submission.labels = {{"team", "red"}};
  const std::string first = house.accepted(std::move(submission));
  house.spawner.ends(house.child_of(first), End::exited, 1);
  house.loop.turn();
  CHECK(house.fate(first) == "error engine_failed");
  const auto again = house.retry(first);
  REQUIRE(again);
  CHECK(again->retry_of == first);
  CHECK(again->labels.at("team") == "red");
  house.succeed(again->id, {{"source.pdf", "a"}});
  CHECK(house.fate(again->id) == "completed");

  house.manager().remove_document("uid:1", "a.docx", [](shared::Result<void> outcome) { CHECK(outcome); });
  house.loop.turn();
  CHECK(code(house.retry(first)) == "document_not_found");
  CHECK(code(house.retry("nobody")) == "conversion_not_found");
}

TEST_CASE("a running conversion keeps the bytes it was accepted with") {
  House house(slots(1));
  const std::string busy = house.accepted(house.upload("z.docx", a_docx));
  const std::string old = house.accepted(house.upload("a.docx", a_docx + "old"));
  const std::string fresh = house.accepted(house.upload("a.docx", a_docx + "new"));
  house.manager().remove_document("uid:1", "a.docx", [](shared::Result<void> outcome) { CHECK(outcome); });
  house.succeed(busy, {{"source.pdf", "z"}});
  CHECK(house.spawner.child(house.child_of(old)).input == a_docx + "old");
  house.succeed(old, {{"source.pdf", "o"}});
  CHECK(house.spawner.child(house.child_of(fresh)).input == a_docx + "new");
  house.succeed(fresh, {{"source.pdf", "n"}});
  CHECK_FALSE(house.store.files().open_blob(house.store.conversion(old)->input_sha256));
}

TEST_CASE("documents are listed with their badge, by org") {
  House house;
  for (const auto* name : {"b.docx", "a.docx", "c.docx"}) {
    auto upload = house.manager().begin_upload("uid:1");
    REQUIRE((*upload)->append(a_docx));
    house.manager().put_document("uid:1", name, *std::move(upload), [&](auto info) { CHECK(info->size_bytes > 0); });
  }
  house.loop.turn();
  const std::string id = house.accepted(house.library("a.docx"));
  const auto page = house.manager().documents("uid:1", "", 2);
  REQUIRE(page.items.size() == 2);
  CHECK(page.items[0].name == "a.docx");
  CHECK(page.items[0].last_conversion == id);
  CHECK(page.items[0].last_status == shared::Status::processing);
  CHECK(page.items[1].last_conversion == std::nullopt);
  CHECK(page.next == "b.docx");
  CHECK(house.manager().documents("uid:1", *page.next, 2).items.front().name == "c.docx");
  CHECK(house.manager().documents("uid:2", "", 2).items.empty());
  CHECK(house.manager().document("uid:2", "a.docx").error().code == ErrorCode::document_not_found);
}

TEST_CASE("conversions are listed newest first, page by page, as they are now") {
  House house(slots(1));
  std::vector<std::string> ids;
  for (int i = 0; i < 3; ++i) ids.push_back(house.accepted(house.upload("a.docx", a_docx)));
  house.succeed(ids[0], {{"source.pdf", "a"}});
  house.spawner.prints(house.child_of(ids[1]), "page 1/2\n");
  convd::jobs::ListRequest request;
  request.org = "uid:1";
  request.limit = 2;
  const auto first = house.manager().list(request);
  CHECK(first->items[0].position == 1);
  CHECK(first->items[1].progress == 50);
  request.before = first->next.value();
  CHECK(house.manager().list(request)->items[0].id == ids[0]);
  CHECK(house.manager().list(request)->next == std::nullopt);
}

TEST_CASE("past runs make estimates, which never pass 95") {
  House house(slots(1));
  const std::string first = house.accepted(house.upload("a.docx", a_docx));
  CHECK(house.status(first).eta_ms == std::nullopt);
  house.loop.advance(10s);
  CHECK(house.status(first).stage->kind == shared::ProgressKind::none);
  house.succeed(first, {{"source.pdf", "a"}});

  const std::string second = house.accepted(house.library("a.docx"));
  const std::string third = house.accepted(house.library("a.docx"));
  CHECK(house.status(second).eta_ms == 10'000);
  CHECK(house.status(third).eta_ms == 20'000);
  house.loop.advance(5s);
  CHECK(house.status(second).progress == 50);
  CHECK(house.status(second).stage->kind == shared::ProgressKind::estimated);
  CHECK(house.status(third).eta_ms == 15'000);
  CHECK(house.manager().capacity().wait_ms == 15'000);
  house.loop.advance(50s);
  CHECK(house.status(second).progress == 94);
}

TEST_CASE("what past runs have taught outlives a restart") {
  House house(slots(1));
  const std::string first = house.accepted(house.upload("a.docx", a_docx));
  house.loop.advance(10s);
  house.succeed(first, {{"source.pdf", "a"}});
  house.restart();
  CHECK(house.status(house.accepted(house.library("a.docx"))).eta_ms == 10'000);
}

TEST_CASE("one who asks learns the version of every engine that tells it") {
  tests::TemporaryDirectory directory;
  tests::FakeLoop loop;
  tests::MemoryStore store(loop, *convd::store::Files::open(directory.path()));
  tests::FakeSpawner spawner(loop);
  convd::engines::Registry registry(tests::fake_engines());
  convd::events::Board board(loop);
  convd::jobs::Manager manager(loop, store, registry, spawner, board, {});
  manager.recover([](shared::Result<void> outcome) { CHECK(outcome); });
  loop.turn();
  REQUIRE(spawner.started() == 1);
  CHECK(spawner.child(1).spec.nice == 19);
  spawner.prints(1, "LibreOffice 7.4.7\n");
  spawner.ends(1, End::exited);
  loop.advance(1ms);
  CHECK(registry.engines()[0].version == "7.4.7");
  CHECK(spawner.started() == 1);
}

// Everything at once in an order nobody chose: submissions, ends of every kind, cancels, removals, crashes of the
// daemon, failing commits. Afterwards every conversion has ended once, by its row and by its log.
TEST_CASE("whatever happens in whatever order, a conversion ends exactly once") {
  const unsigned seed = std::random_device{}();
  INFO("seed " << seed);
  std::mt19937 random(seed);
  const auto chance = [&](unsigned of) { return random() % of == 0; };
  House house(slots(2));
  std::vector<std::string> ids;
  const auto any = [&] { return ids[random() % ids.size()]; };
  for (int step = 0; step < 600; ++step) {
    const auto running = house.spawner.running();
    if (ids.size() < 60 && chance(3)) {
      house.manager().submit(house.upload("a.docx", a_docx + std::to_string(random() % 3)), [&](auto accepted) {
        if (accepted) ids.push_back(accepted->id);
      });
    }
    if (!ids.empty() && chance(6)) house.manager().cancel("uid:1", any(), [](auto) {});
    if (!running.empty()) {
      const auto child = running[random() % running.size()];
      const auto kind = random() % 8;
      if (kind < 3) house.spawner.succeeds(child, {{"source.pdf", "x"}});
      if (kind == 3) house.spawner.ends(child, End::signalled, 11);
      if (kind == 4) house.spawner.ends(child, End::lost);
      if (kind == 5) house.spawner.ends(child, End::exited, 1);
      if (kind == 6) house.spawner.prints(child, "page " + std::to_string(random() % 9) + "/9\n");
    }
    if (chance(20)) house.store.fail_commits(shared::Error{ErrorCode::unavailable, "away", {}});
    if (chance(3)) house.store.fail_commits(std::nullopt);
    if (chance(2)) house.loop.turn();
    if (chance(4)) house.loop.advance(std::chrono::milliseconds(random() % 2000));
    if (chance(60)) {
      house.store.fail_commits(std::nullopt);
      house.restart();
    }
  }
  house.store.fail_commits(std::nullopt);
  for (int i = 0; i < 1000 && !house.store.unfinished().empty(); ++i) {
    for (const auto child : house.spawner.running()) house.spawner.succeeds(child, {{"source.pdf", "x"}});
    house.loop.advance(1s);
  }
  CHECK(house.store.unfinished().empty());
  CHECK(house.manager().capacity().running == 0);
  CHECK(house.manager().capacity().waiting == 0);
  CHECK(house.store.refused_updates() == 0);
  for (const auto& id : ids) {
    int ends = 0;
    for (const auto& type : house.store.story(id)) {
      ends += type == "conversion.completed" || type == "conversion.error" || type == "conversion.cancelled";
    }
    CHECK(ends == 1);
    CHECK(house.store.story(id).back() == "conversion." + house.store.conversion(id)->status);
    if (house.store.conversion(id)->status == "completed") CHECK(house.result_text(id) == "x");
  }
}
