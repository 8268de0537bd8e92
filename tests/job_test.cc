#include "convd/jobs/job.h"

#include "convd/jobs/job_record.h"
#include "tests/support/catch.h"

using namespace convd::jobs;
using shared::ErrorCode;
using shared::Status;

namespace {

Job pending() {
  Job job;
  job.id = "018f";
  job.org = "uid:1";
  job.filename = "report.docx";
  job.from = "docx";
  job.to = "pdf";
  job.options = {{"pages", "1-3"}, {"password", "s3cret"}};
  job.labels = {{"team", "red"}};
  job.rev = 1;
  return job;
}

shared::Stage stage(std::string name) {
  shared::Stage stage;
  stage.name = std::move(name);
  return stage;
}

Job running() {
  Job job = pending();
  REQUIRE(start(job, 1000, stage("office"), "Converting"));
  return job;
}

shared::ErrorInfo info(ErrorCode code) {
  return {code, false, "office", "tail"};
}

}  // namespace

TEST_CASE("a conversion enters one terminal status, once") {
  for (const Status end : {Status::completed, Status::error, Status::cancelled}) {
    Job job = running();
    if (end == Status::completed) REQUIRE(complete(job, {}, 2000));
    if (end == Status::error) REQUIRE(fail(job, info(ErrorCode::input_invalid), "no", 2000));
    if (end == Status::cancelled) REQUIRE(cancel(job, 2000));
    CHECK(job.status == end);
    const auto rev = job.rev;
    CHECK_FALSE(complete(job, {}, 3000));
    CHECK_FALSE(fail(job, info(ErrorCode::internal), "no", 3000));
    CHECK_FALSE(cancel(job, 3000));
    CHECK_FALSE(requeue(job, Requeue::failed, ""));
    CHECK_FALSE(start(job, 3000, {}, ""));
    CHECK_FALSE(recover(job));
    CHECK_FALSE(report(job, {99, "late", {}}));
    CHECK(job.rev == rev);
    CHECK(job.completed_ms == 2000);
  }
}

TEST_CASE("what waits cannot complete, what runs cannot start again") {
  Job waiting = pending();
  CHECK_FALSE(complete(waiting, {}, 1));
  CHECK_FALSE(requeue(waiting, Requeue::interrupted, ""));
  CHECK_FALSE(recover(waiting));
  Job busy = running();
  CHECK_FALSE(start(busy, 1, {}, ""));
}

TEST_CASE("progress grows within a run, is 100 only when completed and 0 on error") {
  Job job = running();
  CHECK(report(job, {40, "Converting page 4 of 10", stage("office")}));
  CHECK(report(job, {30, "Converting page 5 of 10", stage("office")}));
  CHECK(job.progress == 40);
  CHECK(report(job, {100, "Saving", stage("finishing")}));
  CHECK(job.progress == 99);
  Job failed = job;
  REQUIRE(complete(job, {}, 2));
  CHECK(job.progress == 100);
  REQUIRE(fail(failed, info(ErrorCode::engine_failed), "no", 2));
  CHECK(failed.progress == 0);
}

TEST_CASE("a new run may start again from zero") {
  Job job = running();
  CHECK(report(job, {40, "", stage("office")}));
  REQUIRE(requeue(job, Requeue::failed, "Waiting"));
  CHECK(job.progress == 0);
  REQUIRE(start(job, 5000, stage("office"), ""));
  CHECK(job.attempt == 2);
  CHECK(job.started_ms == 1000);
}

TEST_CASE("rev grows with every change that can be seen, and only then") {
  Job job = running();
  CHECK(job.rev == 2);
  CHECK(report(job, {1, "a", stage("office")}));
  CHECK_FALSE(report(job, {1, "a", stage("office")}));
  CHECK(job.rev == 3);
  CHECK(report(job, {1, "b", stage("office")}));
  CHECK(job.rev == 4);
}

TEST_CASE("recovery raises rev beyond all that watchers can have seen") {
  Job job = running();
  REQUIRE(recover(job));
  CHECK(job.status == Status::pending);
  CHECK(job.rev == 2 + recovery_rev_step);
  CHECK(job.failures == 0);
}

TEST_CASE("only failures count as failures") {
  Job job = running();
  REQUIRE(requeue(job, Requeue::interrupted, ""));
  REQUIRE(start(job, 1, {}, ""));
  REQUIRE(requeue(job, Requeue::failed, ""));
  CHECK(job.attempt == 2);
  CHECK(job.failures == 1);
  Job late = pending();
  REQUIRE(fail(late, info(ErrorCode::timed_out), "waited", 1));
  CHECK(late.failures == 0);
}

TEST_CASE("a record gives the job back") {
  Job job = running();
  const auto back = from_row(to_row(job));
  REQUIRE(back);
  CHECK(back->options == job.options);
  CHECK(back->labels == job.labels);
  REQUIRE(fail(job, info(ErrorCode::input_encrypted), "protected", 2000));
  const auto ended = from_row(to_row(job));
  REQUIRE(ended);
  CHECK(shared::to_json(to_status_object(*ended)).dump() == shared::to_json(to_status_object(job)).dump());
  CHECK(ended->error_info->code == ErrorCode::input_encrypted);
}

TEST_CASE("a completed job reads the same from memory and from its record") {
  Job job = running();
  shared::ResultInfo result;
  result.file = {"report.pdf", "application/pdf", 10, "ab"};
  REQUIRE(complete(job, result, 2000));
  const auto back = from_row(to_row(job));
  REQUIRE(back);
  CHECK(shared::to_json(to_status_object(*back)).dump() == shared::to_json(to_status_object(job)).dump());
}

TEST_CASE("a password is stored while it is needed and shown never") {
  Job job = pending();
  CHECK(to_row(job).options_json.find("s3cret") != std::string::npos);
  CHECK(event_of(job, "pending", 1).data_json.find("s3cret") == std::string::npos);
  REQUIRE(cancel(job, 2000));
  CHECK(to_row(job).options_json == R"({"pages":"1-3","password":""})");
}

TEST_CASE("a record that is not one is refused") {
  auto row = to_row(pending());
  row.options_json = "{";
  CHECK(from_row(row).error().code == ErrorCode::internal);
  row = to_row(pending());
  row.status = "queued";
  CHECK(from_row(row).error().message == R"(the record of conversion 018f cannot be read: unknown status "queued")");
}
