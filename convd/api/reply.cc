#include "convd/api/reply.h"

#include <algorithm>
#include <iterator>
#include <utility>

namespace convd::api {

Reply::Reply(Responder& responder, std::string trace_id, std::function<void(const Answered&)> observe, Headers also)
    : state_(std::make_shared<State>(
          State{&responder, std::move(trace_id), std::move(observe), std::move(also), {}, {}})) {}

void Reply::about(std::string subject) const {
  state_->subjects.push_back(std::move(subject));
}

void Reply::settled(int status) const {
  state_->settled = status;
}

void Reply::tell(State& state, int status, std::optional<shared::ErrorCode> code) {
  if (const auto observe = std::exchange(state.observe, nullptr)) observe({status, code, state.subjects});
}

void Reply::send(Response response) const {
  send(std::move(response), std::nullopt);
}

void Reply::send(Response response, std::optional<shared::ErrorCode> code) const {
  const auto state = state_;  // what follows may end the last other owner
  tell(*state, response.status, code);
  Responder* responder = std::exchange(state->responder, nullptr);
  if (responder == nullptr) return;
  std::move(state->also.begin(), state->also.end(), std::back_inserter(response.headers));
  responder->send(std::move(response));
}

void Reply::fail(const shared::Error& error) const {
  fail(Problem{.error = error, .headers = {}, .retry_after_s = {}, .extras = shared::Json::object()});
}

void Reply::fail(const Problem& problem) const {
  send(problem_response(problem, state_->trace_id), problem.error.code);
}

bool Reply::open() const {
  return state_->responder != nullptr;
}

void Reply::close() const {
  state_->responder = nullptr;
  if (state_->settled) tell(*state_, *state_->settled, std::nullopt);
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
