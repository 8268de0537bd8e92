#include "tests/simulation/client.h"

#include <algorithm>
#include <array>
#include <utility>

#include "tests/simulation/documents.h"

namespace simulation {
namespace {

using convd::jobs::Manager;
using convd::jobs::Submission;

std::string outcome(const auto& result) {
  return result ? "ok" : std::string(shared::to_string(result.error().code));
}

}  // namespace

// Every simulation has a character of its own: what happens often in one never happens in another.
Client::Client(Dice& dice, Ledger& ledger, const tests::FakeLoop& loop)
    : dice_(dice),
      ledger_(ledger),
      loop_(loop),
      orgs_(1 + dice.below(3)),
      documents_(1 + dice.below(12)),
      with_deadlines_(dice.chance(300)),
      with_timeouts_(dice.chance(300)),
      with_keys_(dice.chance(300)) {
  weights_["submit"] = 40;
  for (const char* verb : {"cancel", "remove", "retry", "look", "list", "fetch", "put", "remove document"}) {
    weights_[verb] = dice.chance(650) ? static_cast<int>(dice.between(1, 25)) : 0;
  }
}

std::string Client::act(Manager& manager) {
  using Verb = std::string (Client::*)(Manager&);
  static const std::vector<std::pair<std::string, Verb>> verbs = {
      {"submit", &Client::submit}, {"cancel", &Client::cancel}, {"remove", &Client::remove},
      {"retry", &Client::retry},   {"look", &Client::look},     {"list", &Client::list},
      {"fetch", &Client::fetch},   {"put", &Client::put},       {"remove document", &Client::remove_document},
  };
  int all = 0;
  for (const auto& [name, weight] : weights_) all += weight;
  int at = static_cast<int>(dice_.below(static_cast<std::size_t>(all)));
  for (const auto& [name, verb] : verbs) {
    at -= weights_[name];
    if (at < 0) return (this->*verb)(manager);
  }
  return {};
}

std::string Client::some_org() {
  return "uid:" + std::to_string(1 + dice_.below(orgs_));
}

std::string Client::some_name(const std::string& format) {
  return "document-" + std::to_string(dice_.below(documents_)) + "." + format;
}

const Client::Known& Client::some() {
  // Mostly the newest ones: the old have ended.
  const std::size_t newest = std::min<std::size_t>(ids_.size(), dice_.chance(700) ? 6 : ids_.size());
  return ids_[ids_.size() - 1 - dice_.below(newest)];
}

std::uint64_t Client::call(const std::string& what) {
  open_[++last_call_] = what;
  return last_call_;
}

void Client::answered(std::uint64_t call) {
  ledger_.check(open_.erase(call) == 1, "every call is answered once", "call " + std::to_string(call));
}

std::vector<std::string> Client::unanswered() const {
  std::vector<std::string> calls;
  for (const auto& [number, what] : open_) calls.push_back(what);
  return calls;
}

std::unique_ptr<convd::store::Upload> Client::upload(Manager& manager, const std::string& org,
                                                     const std::string& format) {
  const std::string content = document(format, static_cast<int>(dice_.below(documents_)));
  ledger_.will_hold(content);
  auto upload = manager.begin_upload(org);
  if (!upload || !(*upload)->append(content)) return nullptr;
  return *std::move(upload);
}

Manager::Accepted Client::taken(const std::string& org, const std::string& what) {
  return [this, org, number = call(what)](const shared::Result<shared::StatusObject>& outcome) {
    answered(number);
    if (!outcome) return;
    ledger_.accepted(org, *outcome);
    ids_.push_back({org, outcome->id});
  };
}

std::string Client::submit(Manager& manager) {
  static const std::array<std::pair<std::string, std::string>, 5> pairs = {
      {{"docx", "pdf"}, {"docx", "png"}, {"pdf", "md"}, {"pdf", "png"}, {"docx", "md"}}};
  const auto& [from, to] = dice_.pick(pairs);
  Submission submission;
  submission.org = submission.principal = some_org();
  submission.filename = some_name(from);
  submission.to = to;
  submission.priority = dice_.chance(700) ? 5 : static_cast<int>(dice_.between(0, 9));
  if (with_deadlines_ && dice_.chance(400)) submission.deadline_ms = dice_.between(1, 20'000);
  if (with_timeouts_ && dice_.chance(300)) submission.attempt_timeout_ms = dice_.between(1'000, 6'000);
  if (with_timeouts_ && dice_.chance(300)) submission.stall_timeout_ms = dice_.between(1'000, 3'000);
  submission.reuse = !dice_.chance(200);
  if (with_keys_ && dice_.chance(500)) return submit_again(manager, std::move(submission));
  if (dice_.chance(800)) {
    submission.upload = upload(manager, submission.org, from);
    if (!submission.upload) return "cannot upload";
  }
  const std::string what = "submit " + submission.org + " " + submission.filename + " to " + to;
  const std::string org = submission.org;
  manager.submit(std::move(submission), taken(org, what));
  return what;
}

// The same request for the same key, as often as somebody likes.
std::string Client::submit_again(Manager& manager, Submission submission) {
  const int number = static_cast<int>(dice_.below(4));
  const std::string key = "key " + std::to_string(number);
  submission.idempotency_key = key;
  submission.labels["key"] = key;
  submission.filename = "keyed-" + std::to_string(number) + ".docx";
  submission.to = "pdf";
  submission.priority = 5;
  submission.reuse = true;
  submission.deadline_ms = submission.attempt_timeout_ms = submission.stall_timeout_ms = std::nullopt;
  const std::string content = document("docx", number);
  ledger_.will_hold(content);
  auto upload = manager.begin_upload(submission.org, Manager::UploadFor::repetition);
  if (!upload || !(*upload)->append(content)) return "cannot upload";
  submission.upload = *std::move(upload);
  const std::string org = submission.org;
  manager.submit(std::move(submission), taken(org, "submit " + org + " under " + key));
  return "submit " + org + " under " + key;
}

std::string Client::cancel(Manager& manager) {
  if (ids_.empty()) return "nothing to cancel";
  const Known known = some();
  ledger_.cancel_asked(known.id);
  manager.cancel(known.org, known.id, [this, id = known.id, number = call("cancel " + known.id)](const auto& outcome) {
    answered(number);
    if (outcome) ledger_.cancelled(id);
  });
  return "cancel " + known.id;
}

std::string Client::remove(Manager& manager) {
  if (ids_.empty()) return "nothing to remove";
  const Known known = some();
  ledger_.remove_asked(known.id);
  manager.remove(known.org, known.id, [this, id = known.id, number = call("remove " + known.id)](const auto& outcome) {
    answered(number);
    if (outcome) ledger_.removed(id);
  });
  return "remove " + known.id;
}

std::string Client::retry(Manager& manager) {
  if (ids_.empty()) return "nothing to retry";
  const Known known = some();
  manager.retry(known.org, known.org, known.id, taken(known.org, "retry " + known.id));
  return "retry " + known.id;
}

std::string Client::look(Manager& manager) {
  if (ids_.empty()) return "nothing to look at";
  const Known known = some();
  const auto object = manager.status(known.org, known.id);
  if (object) ledger_.read(*object, manager.capacity());
  (void)manager.receipt(known.org, known.id);
  ledger_.check(!manager.status("uid:9", known.id), "nobody sees another's conversion", known.id);
  return "look at " + known.id + ": " + outcome(object);
}

std::string Client::list(Manager& manager) {
  convd::jobs::ListRequest request;
  request.org = some_org();
  request.limit = static_cast<int>(dice_.between(1, 20));
  const auto page = manager.list(request);
  ledger_.check(page.ok(), "a list can be read", request.org);
  if (!page) return "list";
  std::string last = "~";
  for (const auto& object : page->items) {
    ledger_.check(object.id < last, "a list has an order", object.id);
    last = object.id;
    ledger_.read(object, manager.capacity());
  }
  return "list " + request.org + ": " + std::to_string(page->items.size());
}

std::string Client::fetch(Manager& manager) {
  if (ids_.empty()) return "nothing to fetch";
  const Known known = some();
  const auto object = manager.status(known.org, known.id);
  const auto result = manager.result(known.org, known.id, {});
  const bool completed = object && object->status == shared::Status::completed;
  ledger_.check(completed || !result, "only what is completed has a result", known.id);
  // Until its row goes, with its files behind it.
  return "fetch " + known.id + ": " + outcome(result);
}

std::string Client::put(Manager& manager) {
  const std::string org = some_org();
  const std::string name = some_name("docx");
  auto bytes = upload(manager, org, "docx");
  if (!bytes) return "cannot upload";
  manager.put_document(org, name, std::move(bytes),
                       [this, number = call("put " + name)](const auto&) { answered(number); });
  return "put " + org + " " + name;
}

std::string Client::remove_document(Manager& manager) {
  const std::string org = some_org();
  const std::string name = some_name("docx");
  manager.remove_document(org, name,
                          [this, number = call("remove document " + name)](const auto&) { answered(number); });
  return "remove document " + org + " " + name;
}

}  // namespace simulation
