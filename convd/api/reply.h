#pragma once
// The way back from a handler to its client.

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "convd/api/exchange.h"
#include "convd/api/problem.h"
#include "shared/result.h"

namespace convd::api {

// An answer, for those who count and keep account.
struct Answered {
  int status = 0;
  std::optional<shared::ErrorCode> code;  // of the problem, if it is one
  std::vector<std::string> subjects;      // see Reply::about()
};

// Copies share one answer; once it was given, further calls do nothing. When the client has gone it is not sent any
// more, but told of all the same: a handler finishes its work at leisure, and nobody hides what they did by leaving.
// Answering can end the exchange and with it the handler: do not touch `this` afterwards. Loop thread only.
class Reply {
 public:
  // `observe` is told once, of the first answer: just before it is sent, or when it would have been. Every answer says
  // `also`.
  Reply(Responder& responder, std::string trace_id, std::function<void(const Answered&)> observe, Headers also = {});

  // The request has turned out to be about this conversion or document, which its path does not name.
  void about(std::string subject) const;
  // What was asked for is done, and only its answer waits for something else. A client that leaves meanwhile has been
  // answered with this status, to those who keep account.
  void settled(int status) const;

  void send(Response response) const;
  void fail(const shared::Error& error) const;
  void fail(const Problem& problem) const;

  bool open() const;   // whether an answer can still be given
  void close() const;  // the client has gone

  const std::string& trace_id() const;

 private:
  struct State {
    Responder* responder;
    std::string trace_id;
    std::function<void(const Answered&)> observe;
    Headers also;
    std::vector<std::string> subjects;
    std::optional<int> settled;
  };
  static void tell(State& state, int status, std::optional<shared::ErrorCode> code);
  void send(Response response, std::optional<shared::ErrorCode> code) const;

  std::shared_ptr<State> state_;
};

// Bodies that handlers answer with.
Response json_response(int status, const shared::Json& json);
Response text_response(int status, std::string text);
Response empty_response(int status);

}  // namespace convd::api
