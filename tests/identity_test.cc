#include "convd/jobs/identity.h"

#include "tests/support/catch.h"

using convd::jobs::Submission;
using convd::jobs::Work;

namespace {

const std::string input(64, 'a');

Submission a_request() {
  Submission submission;
  submission.org = submission.principal = "uid:1";
  submission.filename = "a.docx";
  submission.to = "pdf";
  submission.options = shared::Json::object().set("pages", "1-2").set("dpi", 200).clone();
  submission.labels = {{"team", "red"}};
  return submission;
}

Work a_work() {
  return {input, "docx", "png", {{"dpi", "200"}}, {{"office", "7.4", "docx", "pdf"}, {"poppler", "22", "pdf", "png"}},
          "f"};
}

template <typename Change>
bool tells_apart(Change change) {
  Submission other = a_request();
  change(other);
  return fingerprint(other, input) != fingerprint(a_request(), input);
}

template <typename Change>
bool is_other_work(Change change) {
  Work other = a_work();
  change(other);
  return reuse_key(other) != reuse_key(a_work());
}

}  // namespace

TEST_CASE("a repetition is known by all that was asked for, and by nothing else") {
  CHECK(fingerprint(a_request(), input).size() == 64);
  CHECK_FALSE(tells_apart([](Submission&) {}));
  CHECK_FALSE(tells_apart([](Submission& s) { s.org = s.principal = "uid:2"; }));
  CHECK_FALSE(tells_apart([](Submission& s) { s.idempotency_key = "k"; }));
  CHECK_FALSE(tells_apart(
      [](Submission& s) { s.options = shared::Json::object().set("dpi", 200).set("pages", "1-2").clone(); }));
  CHECK(tells_apart([](Submission& s) { s.filename = "b.docx"; }));
  CHECK(tells_apart([](Submission& s) { s.from = "docx"; }));
  CHECK(tells_apart([](Submission& s) { s.to = "odt"; }));
  CHECK(tells_apart([](Submission& s) { s.to.reset(); }));
  CHECK(tells_apart([](Submission& s) { s.prompt_mode = "prompt_ocr"; }));
  CHECK(tells_apart([](Submission& s) { s.options.set("dpi", 201); }));
  CHECK(tells_apart([](Submission& s) { s.labels["team"] = "blue"; }));
  CHECK(tells_apart([](Submission& s) { s.priority = 6; }));
  CHECK(tells_apart([](Submission& s) { s.deadline_ms = 1; }));
  CHECK(tells_apart([](Submission& s) { s.attempt_timeout_ms = 1; }));
  CHECK(tells_apart([](Submission& s) { s.stall_timeout_ms = 1; }));
  CHECK(tells_apart([](Submission& s) { s.reuse = false; }));
  CHECK(fingerprint(a_request(), std::string(64, 'b')) != fingerprint(a_request(), input));
}

TEST_CASE("fields that run into each other are told apart") {
  const auto with = [](const std::string& key, const std::string& value) {
    Submission submission = a_request();
    submission.labels = {{key, value}};
    return fingerprint(submission, input);
  };
  CHECK(with("a", "bc") != with("ab", "c"));
  CHECK(with("a", "1:b") != with("a1:", "b"));
}

TEST_CASE("what is kept of a password is that there was one") {
  const auto with = [](const char* name, const char* value) {
    Submission submission = a_request();
    submission.options.set(name, value);
    return fingerprint(submission, input);
  };
  CHECK(with("password", "hunter2") == with("password", "sesame"));
  CHECK(with("password", "hunter2") != fingerprint(a_request(), input));
  CHECK(with("output_password", "hunter2") == with("output_password", "sesame"));
}

TEST_CASE("the same work is known by all its result depends on") {
  REQUIRE(reuse_key(a_work()));
  CHECK(reuse_key(a_work())->size() == 64);
  CHECK_FALSE(is_other_work([](Work&) {}));
  CHECK(is_other_work([](Work& w) { w.input_sha256 = std::string(64, 'b'); }));
  CHECK(is_other_work([](Work& w) { w.from = "doc"; }));
  CHECK(is_other_work([](Work& w) { w.to = "jpg"; }));
  CHECK(is_other_work([](Work& w) { w.options["dpi"] = "201"; }));
  CHECK(is_other_work([](Work& w) { w.options.clear(); }));
  CHECK(is_other_work([](Work& w) { w.route[0].version = "7.5"; }));
  CHECK(is_other_work([](Work& w) { w.route[1].engine = "ghostscript"; }));
  CHECK(is_other_work([](Work& w) { w.route[0].to = w.route[1].from = "ps"; }));
  CHECK(is_other_work([](Work& w) { w.route.pop_back(); }));
  CHECK(is_other_work([](Work& w) { w.fonts = "g"; }));
}

TEST_CASE("what is not known for certain is not the same as anything") {
  const auto key = [](auto change) {
    Work work = a_work();
    change(work);
    return reuse_key(work);
  };
  CHECK_FALSE(key([](Work& w) { w.route[1].version.clear(); }));
  CHECK_FALSE(key([](Work& w) { w.fonts.reset(); }));
  CHECK_FALSE(key([](Work& w) { w.options["password"] = "hunter2"; }));
  CHECK_FALSE(key([](Work& w) { w.options["output_password"] = "hunter2"; }));
}
