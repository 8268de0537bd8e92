// The receipt of a conversion: what is stored, what is made of it, what people read.

#include "shared/receipt.h"

#include "convctl/receipt_text.h"
#include "convd/engines/progress.h"
#include "convd/engines/warnings.h"
#include "convd/jobs/receipt.h"
#include "shared/json.h"
#include "tests/support/catch.h"

using namespace convd;
using convd::process::Stream;
using jobs::Job;
using shared::Json;
using shared::Receipt;
using shared::ReceiptRecord;
using shared::Status;

namespace {

shared::ReceiptStep step(int attempt, const std::string& engine, const std::string& outcome = "ok") {
  shared::ReceiptStep step;
  step.attempt = attempt;
  step.engine = engine;
  step.outcome = outcome;
  return step;
}

jobs::AttemptRecord attempt(int number, const std::string& outcome) {
  jobs::AttemptRecord record;
  record.route = {{"office", "docx", "pdf"}};
  record.attempt.attempt = number;
  record.attempt.outcome = outcome;
  record.attempt.wall_ms = number * 100;
  record.steps = {step(number, "office", outcome)};
  return record;
}

// Accepted at 1000, started at 1250, ended at 4000.
Job ended(Status status, int attempts) {
  Job job;
  job.id = "j1";
  job.filename = "report.docx";
  job.from = "docx";
  job.to = "pdf";
  job.status = status;
  job.attempt = attempts;
  job.input_bytes = 12;
  job.input_sha256 = "aa";
  job.created_ms = 1000;
  job.started_ms = 1250;
  job.completed_ms = 4000;
  return job;
}

std::vector<std::string> outcomes(const Receipt& receipt) {
  std::vector<std::string> all;
  for (const auto& each : receipt.attempts) all.push_back(std::to_string(each.attempt) + " " + each.outcome);
  return all;
}

using Texts = std::vector<std::string>;

ReceiptRecord stored(const std::string& text) {
  const auto json = Json::parse(text);
  REQUIRE(json);
  auto record = shared::receipt_record_from(json->read());
  if (!record) FAIL(record.error().message);
  return *record;
}

}  // namespace

// ---- what is stored

TEST_CASE("a record is read as it was written") {
  ReceiptRecord record;
  jobs::add_attempt(record, attempt(1, "engine_crashed"));
  jobs::add_attempt(record, attempt(2, "ok"));
  record.attempts.back().publish_ms = 7;
  auto& last = record.steps.back();
  last.version = "7.4";
  last.ended = "exited";
  last.exit_status = 3;
  last.pages_in = 31;
  last.pages_out = 2;
  last.fonts_requested = {"Arial", "Futura"};
  last.fonts_substituted = {{"Futura", "DejaVu Sans"}, {"Kaiti", {}}};
  last.warnings = {"w"};
  last.warnings_total = 40;
  const ReceiptRecord again = stored(shared::to_json(record).dump());
  CHECK(shared::to_json(again).dump() == shared::to_json(record).dump());
  CHECK(again.steps.back().fonts_substituted.at(0).used == "DejaVu Sans");
  CHECK_FALSE(again.steps.back().fonts_substituted.at(1).used);
  CHECK(again.attempts.back().publish_ms == 7);
  CHECK_FALSE(again.attempts.front().publish_ms);
}

TEST_CASE("a receipt of before there were attempts is still read") {
  const ReceiptRecord record = stored(
      R"([{"attempt":1,"engine":"office","version":"7","from":"docx","to":"pdf","warm":true,"outcome":"engine_crashed",)"
      R"("wall_ms":700,"cpu_ms":5,"peak_rss_bytes":9,"pages":null,"fonts_missing":[],"links_blocked":[],"warnings":[]},)"
      R"({"attempt":3,"engine":"office","outcome":"ok","wall_ms":20,"pages":31,"fonts_missing":["Futura"]},)"
      R"({"attempt":3,"engine":"poppler","outcome":"timed_out","wall_ms":30}])");
  REQUIRE(record.steps.size() == 3);
  CHECK(record.steps[0].warm);
  CHECK(record.steps[1].pages_in == 31);
  CHECK(record.steps[1].fonts_substituted.at(0).requested == "Futura");
  CHECK_FALSE(record.steps[1].fonts_substituted.at(0).used);
  REQUIRE(record.attempts.size() == 2);
  CHECK(record.attempts[0].outcome == "engine_crashed");
  CHECK(record.attempts[0].wall_ms == 700);
  CHECK(record.attempts[1].attempt == 3);
  CHECK(record.attempts[1].outcome == "timed_out");
  CHECK(record.attempts[1].wall_ms == 50);
  CHECK_FALSE(shared::receipt_record_from(Json("text").read()));
}

TEST_CASE("of many attempts the last fifty are kept") {
  ReceiptRecord record;
  for (int i = 1; i <= 70; ++i) jobs::add_attempt(record, attempt(i, "interrupted"));
  CHECK(record.attempts.size() == 50);
  CHECK(record.steps.size() == 50);
  CHECK(record.attempts.front().attempt == 21);
  Job job = ended(Status::error, 70);
  job.receipt = record;
  CHECK(outcomes(jobs::receipt_of(job)).size() == 50);
}

// ---- what is made of it

TEST_CASE("a receipt tells times, input, output and route") {
  Job job = ended(Status::completed, 1);
  job.result = shared::ResultInfo{{"report.zip", "application/zip", 99, "zz"},
                                  {{"1.png", "image/png", 10, "a"}, {"2.png", "image/png", 20, "b"}},
                                  {}};
  auto only = attempt(1, "ok");
  only.attempt.input_check_ms = 4;
  only.attempt.publish_ms = 5;
  only.steps = {step(1, "office"), step(1, "poppler")};
  only.steps[0].pages_in = 31;
  only.steps[0].pages_out = 30;
  only.steps[1].pages_in = 30;
  only.steps[1].pages_out = 2;
  jobs::add_attempt(job.receipt, only);
  const Receipt receipt = jobs::receipt_of(job);
  CHECK(receipt.timings.waited_ms == 250);
  CHECK(receipt.timings.total_ms == 3000);
  CHECK(receipt.timings.input_check_ms == 4);
  CHECK(receipt.timings.publish_ms == 5);
  CHECK(receipt.input.size_bytes == 12);
  CHECK(receipt.input.sha256 == "aa");
  REQUIRE(receipt.output);
  CHECK(receipt.output->size_bytes == 30);
  CHECK(receipt.output->files.size() == 2);
  CHECK(receipt.pages_in == 31);
  CHECK(receipt.pages_out == 2);
  CHECK(receipt.route.at(0).engine == "office");
  CHECK_FALSE(receipt.reused);
}

TEST_CASE("pages are those of the attempt that made the result") {
  Job job = ended(Status::completed, 2);
  auto failed = attempt(1, "engine_crashed");
  failed.steps[0].pages_in = 7;
  jobs::add_attempt(job.receipt, failed);
  auto good = attempt(2, "ok");
  good.steps[0].pages_in = 31;
  jobs::add_attempt(job.receipt, good);
  CHECK_FALSE(jobs::receipt_of(job).pages_in);
  job.result = shared::ResultInfo{{"report.pdf", "application/pdf", 1, "a"}, {}, {}};
  CHECK(jobs::receipt_of(job).pages_in == 31);
}

TEST_CASE("attempts that nobody could tell the end of were interrupted") {
  Job job = ended(Status::completed, 4);
  jobs::add_attempt(job.receipt, attempt(2, "engine_crashed"));
  jobs::add_attempt(job.receipt, attempt(4, "ok"));
  const Receipt receipt = jobs::receipt_of(job);
  CHECK(outcomes(receipt) == Texts{"1 interrupted", "2 engine_crashed", "3 interrupted", "4 ok"});
  CHECK_FALSE(receipt.attempts[0].wall_ms);
  CHECK(receipt.attempts[1].wall_ms == 200);
  CHECK(receipt.failures == 1);
  CHECK(receipt.interruptions == 2);
}

TEST_CASE("an attempt under way is running, one that waits is none") {
  Job job = ended(Status::processing, 2);
  job.completed_ms.reset();
  jobs::add_attempt(job.receipt, attempt(1, "stopped"));
  const Receipt running = jobs::receipt_of(job);
  CHECK(outcomes(running) == Texts{"1 stopped", "2 running"});
  CHECK(running.interruptions == 1);
  CHECK(running.failures == 0);
  CHECK_FALSE(running.timings.total_ms);
  job.status = Status::pending;
  CHECK(outcomes(jobs::receipt_of(job)) == Texts{"1 stopped", "2 interrupted"});
  Job fresh = ended(Status::pending, 0);
  fresh.started_ms.reset();
  CHECK(jobs::receipt_of(fresh).attempts.empty());
  CHECK_FALSE(jobs::receipt_of(fresh).timings.waited_ms);
}

// ---- warnings

namespace {

engines::RunFacts read(const engines::WarningSigns& signs, const std::string& text, Stream stream = Stream::err) {
  const auto reader = engines::with_warnings(signs, nullptr);
  for (const char c : text) reader->feed(stream, std::string_view(&c, 1), [](const engines::Progress&) {});
  return reader->facts();
}

}  // namespace

TEST_CASE("warnings are counted, and the first different ones kept") {
  const engines::WarningSigns signs{{"[W]"}, {"boring"}};
  CHECK(read(signs, "[W] one\nhello\nvips:1 [W] two\n[W] one\n[W] boring\n").warnings == Texts{"[W] one", "[W] two"});
  CHECK(read(signs, "[W] one\n[W] one\n[W] boring\n").warnings_total == 2);
  CHECK(read(signs, "[W] one\n", Stream::out).warnings_total == 0);
  std::string many;
  for (int i = 0; i < 100; ++i) many += "[W] " + std::to_string(i) + std::string(400, 'x') + "\n";
  const auto facts = read(signs, many);
  CHECK(facts.warnings.size() == 20);
  CHECK(facts.warnings.front().size() == 300);
  CHECK(facts.warnings_total == 100);
}

TEST_CASE("progress goes on beneath warnings") {
  const auto reader = engines::with_warnings({{"Syntax"}}, engines::make_pdftoppm_progress({}));
  int reports = 0;
  reader->feed(Stream::err, "1 2 a\nSyntax Error: x\n2 2 b\n", [&](const engines::Progress&) { ++reports; });
  CHECK(reports == 2);
  CHECK(reader->facts().pages == 2);
  CHECK(reader->facts().pages_out == 2);
  CHECK(reader->facts().warnings == Texts{"Syntax Error: x"});
}

TEST_CASE("pages of a range are not those of the document") {
  engines::PageCounting range;
  range.first = 3;
  range.last = engines::PageCounting::Last::of_a_range;
  const auto pictures = engines::make_pdftoppm_progress(range);
  pictures->feed(Stream::err, "3 5 a\n4 5 b\n", [](const engines::Progress&) {});
  CHECK_FALSE(pictures->facts().pages);
  CHECK(pictures->facts().pages_out == 2);
  const auto layout = engines::make_layout_progress();
  layout->feed(Stream::err, "page 1 9\n", [](const engines::Progress&) {});
  CHECK(layout->facts().pages == 9);
  CHECK_FALSE(layout->facts().pages_out);
}

// ---- for people

TEST_CASE("a receipt is read as blocks") {
  Job job = ended(Status::completed, 2);
  job.result = shared::ResultInfo{{"report.pdf", "application/pdf", 2048, "bb"}, {}, {}};
  jobs::add_attempt(job.receipt, attempt(1, "engine_crashed"));
  auto good = attempt(2, "ok");
  good.attempt.input_check_ms = 1;
  good.attempt.publish_ms = 20;
  auto& run = good.steps[0];
  run.version = "7.4";
  run.from = "docx";
  run.to = "pdf";
  run.warm = true;
  run.ended = "exited";
  run.wall_ms = 150;
  run.cpu_ms = 140;
  run.peak_rss_bytes = 117'440'512;
  run.pages_in = 31;
  run.pages_out = 31;
  run.fonts_requested = {"Arial", "Futura"};
  run.fonts_substituted = {{"Futura", "DejaVu Sans"}, {"Kaiti", {}}};
  run.links_blocked = {"http://example.org/\x1b[31mred.png"};
  run.warnings = {"strange"};
  run.warnings_total = 2;
  jobs::add_attempt(job.receipt, good);
  job.receipt.steps[0].ended = "signalled";
  job.receipt.steps[0].exit_status = 11;
  CHECK(convctl::receipt_text(jobs::receipt_of(job)) ==
        "report.docx, docx to pdf: completed\n"
        "  id       j1\n"
        "  input    12 bytes, sha256 aa\n"
        "  output   report.pdf, 2.0 KiB, sha256 bb\n"
        "  pages    31 in, 31 out\n"
        "  time     waited 0.250 s, in all 3.000 s\n"
        "  route    docx to pdf by office\n"
        "attempt 1: engine_crashed, 0.100 s\n"
        "  office,  to : engine_crashed, signal 11\n"
        "    wall 0.000 s, CPU 0.000 s\n"
        "attempt 2: ok, 0.200 s, input check 0.001 s, publishing 0.020 s\n"
        "  office 7.4 (warm), docx to pdf: ok, exit status 0\n"
        "    wall 0.150 s, CPU 0.140 s, memory 112.0 MiB, pages 31 in, 31 out\n"
        "    fonts requested: Arial, Futura\n"
        "    font missing: Futura, DejaVu Sans used instead\n"
        "    font missing: Kaiti\n"
        "    link blocked: http://example.org/?[31mred.png\n"
        "    warning: strange\n"
        "    warnings in all: 2\n");
}

TEST_CASE("a result that was reused says whose it is") {
  Receipt receipt;
  receipt.filename = "a.md";
  receipt.from = "md";
  receipt.to = "html";
  receipt.status = Status::completed;
  receipt.reused = "cache";
  receipt.served_from = "j0";
  CHECK(convctl::receipt_text(receipt) == "a.md, md to html: completed\n  reused   the stored result of j0\n");
  receipt.reused = "run";
  CHECK(convctl::receipt_text(receipt) == "a.md, md to html: completed\n  reused   the run of j0\n");
}
