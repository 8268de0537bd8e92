#pragma once
// The daemon as convctl sees it: typed requests over one endpoint and one loop. Main thread only.

#include <functional>
#include <memory>
#include <string>

#include "convctl/client_http.h"
#include "convctl/client_loop.h"
#include "convctl/client_tls.h"
#include "convctl/endpoint.h"
#include "shared/json.h"
#include "shared/protocol.h"

namespace convctl {

class Client {
 public:
  // Throws Failure (internal).
  explicit Client(Endpoint endpoint)
      : endpoint_(std::move(endpoint)),
        tls_(endpoint_.tls ? std::make_unique<Tls>(endpoint_) : nullptr),
        loop_(tls_.get()) {}
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  ClientLoop& loop() { return loop_; }
  const Endpoint& endpoint() const { return endpoint_; }

  [[nodiscard]] std::unique_ptr<HttpCall> start(HttpRequest request, HttpCall::Done done);
  // Waits for the answer. Throws Failure for a broken transport and for any status that is not 2xx.
  HttpResponse ask(HttpRequest request);
  // The same for JSON answers; an answer that is not JSON is Exit::protocol.
  shared::Json ask_json(HttpRequest request);
  shared::Json get_json(const std::string& target) { return ask_json({.target = target}); }
  shared::StatusObject ask_status(HttpRequest request);

 private:
  // Each looks at those above it.
  Endpoint endpoint_;
  std::unique_ptr<Tls> tls_;
  ClientLoop loop_;
};

// What an answer that is not 2xx means, from its problem+json when it has one.
Failure failure_from(const HttpResponse& response);
bool is_success(const HttpResponse& response);
// Throw Failure (protocol).
shared::Json json_from(const std::string& body);
shared::StatusObject status_from(const std::string& body);
// "/v1/conversions/{id}"
std::string conversion_target(const std::string& id);

}  // namespace convctl
