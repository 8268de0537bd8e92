#pragma once
// The router over a real manager, with a clock, children and a disk of the test's own: routes as transcripts.

#include <unistd.h>

#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "convd/api/router.h"
#include "convd/api/text.h"
#include "convd/realtime/realtime.h"
#include "tests/support/fake_audit.h"
#include "tests/support/fake_control.h"
#include "tests/support/fake_host.h"
#include "tests/support/house.h"

namespace tests {

using namespace convd::api;

struct Answer final : public Responder {
  void send(Response response) override {
    ++times;
    last = std::move(response);
  }
  std::string header(std::string_view name) const {
    for (const auto& [key, value] : last.headers) {
      if (key == name) return value;
    }
    return "";
  }
  std::string text() const {
    if (const auto* text = std::get_if<std::string>(&last.body)) return *text;
    const auto& file = std::get<FileBody>(last.body);
    std::string bytes(static_cast<std::size_t>(file.length), '\0');
    REQUIRE(::pread(file.fd.get(), bytes.data(), bytes.size(), file.offset) == static_cast<ssize_t>(bytes.size()));
    return bytes;
  }
  shared::Json json() const { return shared::Json::parse(text()).value(); }
  std::string member(std::string_view key) const {
    const shared::Json whole = json();
    const auto value = whole.read().find(key);
    return !value ? "null" : value->is_string() ? value->string().value() : value->clone().dump();
  }
  // "404 document_not_found"
  std::string refusal() const { return std::to_string(last.status) + " " + member("code"); }

  int times = 0;
  Response last;
};

// A request under way; dropping it is a client that goes.
struct Asked {
  std::unique_ptr<Answer> answer = std::make_unique<Answer>();
  std::unique_ptr<Exchange> exchange;
};

inline std::string field(const std::string& name, const std::string& value) {
  return "--XX\r\nContent-Disposition: form-data; name=\"" + name + "\"\r\n\r\n" + value + "\r\n";
}

inline std::string file(const std::string& filename, const std::string& bytes) {
  return "--XX\r\nContent-Disposition: form-data; name=\"file\"; filename=\"" + filename + "\"\r\n\r\n" + bytes +
         "\r\n";
}

inline const Headers as_json{{"content-type", "application/json"}};
inline const Headers as_form{{"content-type", "application/x-www-form-urlencoded"}};
inline const Headers as_parts{{"content-type", "multipart/form-data; boundary=XX"}};
inline const std::string end = "--XX--\r\n";

// Test thread only.
class ApiWorld {
 public:
  explicit ApiWorld(convd::jobs::Settings settings = {})
      : house(settings),
        realtime(house.loop, house.store, house.manager(), realtime_settings),
        control(house.manager()),
        authority(house.loop),
        router(house.manager(), house.store, house.loop, host, realtime, control, authority, edge, audit) {}

  // "POST /documents?name=a.md"; segments are taken as they are.
  Request request(const std::string& line, Headers headers = {}, const std::string& body = {}) const {
    Request request;
    const std::size_t blank = line.find(' ');
    const std::size_t mark = std::min(line.find('?'), line.size());
    request.method = line.substr(0, blank);
    split(line.substr(blank + 2, mark - blank - 2), '/',
          [&](const std::string& segment) { request.path.push_back(segment); });
    split(line.substr(std::min(mark + 1, line.size())), '&', [&](const std::string& pair) {
      const std::size_t equals = std::min(pair.find('='), pair.size());
      request.query.emplace_back(pair.substr(0, equals), pair.substr(std::min(equals + 1, pair.size())));
    });
    request.headers = std::move(headers);
    request.has_body = !body.empty();
    if (const auto length = whole_number(request.header("content-length"))) request.content_length = length;
    request.caller = {org, org, role, {}};
    return request;
  }
  // The body is not complete yet.
  Asked send(const std::string& line, Headers headers, const std::string& body) {
    Asked asked;
    asked.exchange = router.begin(request(line, std::move(headers), body), *asked.answer);
    for (std::size_t at = 0; at < body.size() && asked.answer->times == 0; at += 7)
      asked.exchange->on_body(body.substr(at, 7));
    house.loop.turn();
    return asked;
  }
  Asked begin(const std::string& line, Headers headers = {}, const std::string& body = {}) {
    Asked asked = send(line, std::move(headers), body);
    if (asked.answer->times == 0) asked.exchange->on_body_end();
    house.loop.turn();
    return asked;
  }
  Answer ask(const std::string& line, Headers headers = {}, const std::string& body = {}) {
    Asked asked = begin(line, std::move(headers), body);
    REQUIRE(asked.answer->times == 1);
    return std::move(*asked.answer);
  }
  std::string accept(const std::string& filename, const std::string& bytes, const std::string& to = "pdf") {
    const Answer answer = ask("POST /v1/conversions", as_parts, file(filename, bytes) + field("to", to) + end);
    REQUIRE(answer.last.status == 202);
    return answer.member("id");
  }

  std::string org = "uid:1";
  tests::House house;
  tests::FakeHost host;
  Role role = Role::user;
  convd::realtime::Settings realtime_settings;
  convd::realtime::Realtime realtime;
  tests::FakeControl control;
  convd::trust::Authority authority;
  convd::trust::LimitSettings limits;
  OriginSettings origins;
  convd::trust::Gate gate{limits};
  Edge edge{gate, origins, house.loop};
  tests::FakeAudit audit;
  Router router;

 private:
  template <typename Take>
  static void split(const std::string& text, char separator, Take take) {
    std::size_t start = 0;
    while (start < text.size()) {
      const std::size_t stop = std::min(text.find(separator, start), text.size());
      take(text.substr(start, stop - start));
      start = stop + 1;
    }
  }
};

// Hears the stream of an org from now on.
class Listener final : private convd::events::Hub::Waker {
 public:
  Listener(ApiWorld& world, const std::vector<std::string>& services, const std::string& org = "uid:1")
      : world_(world),
        reader_(world.realtime.log.hub().attach(org, convd::events::Filter::parse(services).filter, {},
                                                convd::events::Encoding::json, *this)) {
    world.house.loop.turn();
    REQUIRE(opened_);
  }
  // What came since, and what is held back for a moment still.
  std::vector<shared::Json> events() {
    world_.house.loop.advance(std::chrono::seconds(1));
    std::string text;
    for (auto some = reader_->take({.bytes = 1 << 20}); !some.empty(); some = reader_->take({.bytes = 1 << 20}))
      text += some;
    if (!text.empty()) text.pop_back();
    std::vector<shared::Json> events;
    const shared::Json all = shared::Json::parse("[" + text + "]").value();
    const auto items = all.read().items().value();
    for (const auto& event : items) events.push_back(event.clone());
    return events;
  }

 private:
  void on_opened(const convd::events::Opened&) override { opened_ = true; }
  void on_refused(const shared::Error& error) override { FAIL(error.message); }
  void on_events() override {}

  ApiWorld& world_;
  bool opened_ = false;
  std::unique_ptr<convd::events::Hub::Reader> reader_;
};

}  // namespace tests
