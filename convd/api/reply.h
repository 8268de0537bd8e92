#pragma once
// The way back from a handler to its client.

#include <functional>
#include <memory>
#include <string>

#include "convd/api/exchange.h"
#include "convd/api/problem.h"
#include "shared/result.h"

namespace convd::api {

// Copies share one answer. Once it was given, or the client has gone, further calls do nothing: a handler may finish
// its work at leisure. Answering can end the exchange and with it the handler: do not touch `this` afterwards. Loop
// thread only.
class Reply {
 public:
  // `observe` is told the status just before it is sent.
  Reply(Responder& responder, std::string trace_id, std::function<void(int status)> observe);

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
    std::function<void(int)> observe;
  };
  std::shared_ptr<State> state_;
};

// Bodies that handlers answer with.
Response json_response(int status, const shared::Json& json);
Response text_response(int status, std::string text);
Response empty_response(int status);

}  // namespace convd::api
