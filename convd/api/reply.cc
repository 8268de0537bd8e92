#include "convd/api/reply.h"

#include <utility>

namespace convd::api {

Reply::Reply(Responder& responder, std::string trace_id, std::function<void(int status)> observe)
    : state_(std::make_shared<State>(State{&responder, std::move(trace_id), std::move(observe)})) {}

void Reply::send(Response response) const {
  const auto state = state_;  // what follows may end the last other owner
  Responder* responder = std::exchange(state->responder, nullptr);
  if (responder == nullptr) return;
  state->observe(response.status);
  responder->send(std::move(response));
}

void Reply::fail(const shared::Error& error) const {
  fail(Problem{.error = error, .headers = {}, .retry_after_s = {}, .extras = shared::Json::object()});
}

void Reply::fail(const Problem& problem) const {
  send(problem_response(problem, state_->trace_id));
}

bool Reply::open() const {
  return state_->responder != nullptr;
}

void Reply::close() const {
  state_->responder = nullptr;
}

const std::string& Reply::trace_id() const {
  return state_->trace_id;
}

Response json_response(int status, const shared::Json& json) {
  return {status, {{"Content-Type", "application/json"}, {"Cache-Control", "no-cache"}}, json.dump() + "\n"};
}

Response text_response(int status, std::string text) {
  return {status, {{"Content-Type", "text/plain; charset=utf-8"}, {"Cache-Control", "no-store"}}, std::move(text)};
}

Response empty_response(int status) {
  return {status, {}, std::string()};
}

}  // namespace convd::api
