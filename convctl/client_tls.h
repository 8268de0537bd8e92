#pragma once
// TLS 1.2 or newer to the one host of an endpoint, the same for HTTP and for libwebsockets. Chain and name of the
// certificate are always verified: RFC 9110, section 4.3.4, by the rules of RFC 6125. Main thread only.

#include <memory>
#include <optional>

#include "convctl/client_stream.h"
#include "convctl/endpoint.h"
#include "convctl/failure.h"

struct ssl_ctx_st;
struct ssl_st;

namespace convctl {

class Tls {
 public:
  // Trusted is whom the system trusts, or SSL_CERT_FILE and SSL_CERT_DIR name. The endpoint must outlive it. Throws
  // Failure (internal).
  explicit Tls(const Endpoint& endpoint);

  // Its problem() is a Failure: unavailable (69) for a certificate that is not what it must be and for a handshake that
  // fails, protocol (76) for what is not TLS. A socket that has gone must not raise SIGPIPE: main ignores it.
  std::unique_ptr<Stream> stream(int fd) const;
  // For libwebsockets: its connections ask for the same host in the same way.
  ssl_ctx_st* context() const { return context_.get(); }
  // What was wrong with the certificate in a handshake of this context; nothing when it was something else.
  std::optional<Failure> certificate_problem(const ssl_st* ssl) const;

 private:
  class Connection;
  struct Deleter {
    void operator()(ssl_ctx_st* context) const;
  };

  const Endpoint& endpoint_;
  std::unique_ptr<ssl_ctx_st, Deleter> context_;
};

}  // namespace convctl
