#include "convctl/client_tls.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <cstdlib>

namespace convctl {
namespace {

struct SslDeleter {
  void operator()(SSL* ssl) const { SSL_free(ssl); }
};

// Whom this connection asks for, and whom the certificate must name. An address is no name: there is no SNI for it
// (RFC 6066, section 3).
bool ask_for(SSL* ssl, const std::string& host) {
  X509_VERIFY_PARAM* expected = SSL_get0_param(ssl);
  X509_VERIFY_PARAM_set_hostflags(expected, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS | X509_CHECK_FLAG_NEVER_CHECK_SUBJECT);
  if (X509_VERIFY_PARAM_set1_ip_asc(expected, host.c_str()) == 1)
    return X509_VERIFY_PARAM_set1_host(expected, nullptr, 0) == 1 && SSL_set_tlsext_host_name(ssl, nullptr) == 1;
  return X509_VERIFY_PARAM_set1_host(expected, host.c_str(), host.size()) == 1 &&
         SSL_set_tlsext_host_name(ssl, host.c_str()) == 1;
}

// libwebsockets takes the host to be what stands before the first colon, which is "[" for an IPv6 address, and sends
// SNI for addresses, too. Nothing has been sent yet when a handshake starts, so the SSL may still be changed.
void handshake_starts(const SSL* ssl, int where, int) {
  if ((where & SSL_CB_HANDSHAKE_START) == 0) return;
  const auto* endpoint = static_cast<const Endpoint*>(SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl)));
  ask_for(const_cast<SSL*>(ssl), endpoint->host);
}

std::string string_from(const ASN1_STRING* text) {
  return std::string(reinterpret_cast<const char*>(ASN1_STRING_get0_data(text)),
                     static_cast<std::size_t>(ASN1_STRING_length(text)));
}

// The first names of the certificate that was shown, for people: "a.example, b.example".
std::string names_in_certificate(const SSL* ssl) {
  constexpr int most = 4;
  const STACK_OF(X509)* chain = SSL_get_peer_cert_chain(ssl);
  if (chain == nullptr || sk_X509_num(chain) == 0) return "";
  const std::unique_ptr<GENERAL_NAMES, decltype(&GENERAL_NAMES_free)> names(
      static_cast<GENERAL_NAMES*>(X509_get_ext_d2i(sk_X509_value(chain, 0), NID_subject_alt_name, nullptr, nullptr)),
      GENERAL_NAMES_free);
  std::string list;
  for (int i = 0; names && i < std::min(most, sk_GENERAL_NAME_num(names.get())); ++i) {
    const GENERAL_NAME* name = sk_GENERAL_NAME_value(names.get(), i);
    if (name->type == GEN_DNS) list += (list.empty() ? "" : ", ") + string_from(name->d.dNSName);
  }
  return list;
}

std::string authority_hint() {
  const char* file = std::getenv(X509_get_default_cert_file_env());
  if (file == nullptr || *file == '\0') return "name the authority's file in SSL_CERT_FILE";
  return "SSL_CERT_FILE is " + std::string(file) + ": is that the file of its authority, and can it be read?";
}

// Talking to a server that does not speak TLS, seen from here.
bool is_not_tls(int reason) {
  return reason == SSL_R_WRONG_VERSION_NUMBER || reason == SSL_R_HTTP_REQUEST ||
         reason == SSL_R_PACKET_LENGTH_TOO_LONG || reason == SSL_R_RECORD_LENGTH_MISMATCH ||
         reason == SSL_R_UNKNOWN_PROTOCOL;
}

std::string reason_text(unsigned long error) {
  const char* text = ERR_reason_error_string(error);
  return text == nullptr ? "error " + std::to_string(error) : text;
}

}  // namespace

// One connection; what it has to say is in the error queue of OpenSSL, which is emptied before each call.
class Tls::Connection : public SocketStream {
 public:
  Connection(const Tls& tls, int fd) : SocketStream(tls.endpoint_, fd), tls_(tls), ssl_(SSL_new(tls.context())) {
    if (!ssl_ || SSL_set_fd(ssl_.get(), fd) != 1 || !ask_for(ssl_.get(), tls.endpoint_.host))
      throw Failure{Exit::internal, "TLS cannot be set up", ""};
  }
  // Tells the peer that this is the end, without waiting for what it says to that.
  ~Connection() override {
    if (usable_ && SSL_is_init_finished(ssl_.get())) SSL_shutdown(ssl_.get());
    ERR_clear_error();
  }

  Step open() override;
  Step send(std::string_view bytes) override;
  Step receive(char* room, std::size_t size) override;

 private:
  Step step(int outcome, std::size_t bytes);
  Failure failure() const;

  const Tls& tls_;
  std::unique_ptr<SSL, SslDeleter> ssl_;
  bool usable_ = true;
};

Stream::Step Tls::Connection::open() {
  if (const Step connected = SocketStream::open(); connected.state != State::moved) return connected;
  ERR_clear_error();
  const Step shaken = step(SSL_connect(ssl_.get()), 0);
  if (shaken.state != State::closed && shaken.state != State::cut_off) return shaken;
  return fail({Exit::unavailable, endpoint_.describe() + ": the connection was closed in the TLS handshake",
               "what speaks no TLS is named with http://"});
}

Stream::Step Tls::Connection::send(std::string_view bytes) {
  ERR_clear_error();
  std::size_t sent = 0;
  const int outcome = SSL_write_ex(ssl_.get(), bytes.data(), bytes.size(), &sent);
  return step(outcome, sent);
}

Stream::Step Tls::Connection::receive(char* room, std::size_t size) {
  ERR_clear_error();
  std::size_t got = 0;
  const int outcome = SSL_read_ex(ssl_.get(), room, size, &got);
  return step(outcome, got);
}

Stream::Step Tls::Connection::step(int outcome, std::size_t bytes) {
  if (outcome == 1) return {State::moved, bytes};
  switch (SSL_get_error(ssl_.get(), outcome)) {
    case SSL_ERROR_WANT_READ:
      return {State::wait_to_read};
    case SSL_ERROR_WANT_WRITE:
      return {State::wait_to_write};
    case SSL_ERROR_ZERO_RETURN:
      return {State::closed};
    default:
      break;
  }
  usable_ = false;
  // Without close_notify: it may be somebody in between who has ended it.
  const unsigned long error = ERR_peek_error();
  if (error == 0 || ERR_GET_REASON(error) == SSL_R_UNEXPECTED_EOF_WHILE_READING) return {State::cut_off};
  return fail(failure());
}

Failure Tls::Connection::failure() const {
  const unsigned long error = ERR_peek_error();
  if (auto problem = tls_.certificate_problem(ssl_.get())) return *std::move(problem);
  if (!SSL_is_init_finished(ssl_.get()) && is_not_tls(ERR_GET_REASON(error)))
    return {Exit::protocol, endpoint_.describe() + ": what answers there does not speak TLS",
            "is it http:// instead of https://?"};
  return {Exit::unavailable, endpoint_.describe() + ": TLS has failed: " + reason_text(error), ""};
}

Tls::Tls(const Endpoint& endpoint) : endpoint_(endpoint), context_(SSL_CTX_new(TLS_client_method())) {
  constexpr unsigned char http1[] = "\x08http/1.1";
  SSL_CTX* context = context_.get();
  if (context == nullptr || SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION) != 1 ||
      SSL_CTX_set_default_verify_paths(context) != 1 ||
      SSL_CTX_set_alpn_protos(context, http1, sizeof http1 - 1) != 0)  // for once it is 0 that is good
    throw Failure{Exit::internal, "TLS cannot be set up", ""};
  SSL_CTX_set_verify(context, SSL_VERIFY_PEER, nullptr);
  SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
  SSL_CTX_set_app_data(context, const_cast<Endpoint*>(&endpoint_));
  SSL_CTX_set_info_callback(context, handshake_starts);
}

void Tls::Deleter::operator()(ssl_ctx_st* context) const {
  SSL_CTX_free(context);
}

std::unique_ptr<Stream> Tls::stream(int fd) const {
  return std::make_unique<Connection>(*this, fd);
}

std::optional<Failure> Tls::certificate_problem(const ssl_st* ssl) const {
  const long verdict = SSL_get_verify_result(ssl);
  const std::string whose = "the certificate of " + endpoint_.host;
  const std::string why = X509_verify_cert_error_string(verdict);
  switch (verdict) {
    case X509_V_OK:
      return std::nullopt;
    case X509_V_ERR_HOSTNAME_MISMATCH:
    case X509_V_ERR_IP_ADDRESS_MISMATCH: {
      const std::string names = names_in_certificate(ssl);
      return Failure{Exit::unavailable, whose + " is not for that name" + (names.empty() ? "" : ", but for " + names),
                     "name the host in --url as its certificate does"};
    }
    case X509_V_ERR_CERT_HAS_EXPIRED:
    case X509_V_ERR_CERT_NOT_YET_VALID:
      return Failure{Exit::unavailable, whose + " is not valid now: " + why,
                     "it has to be renewed there, unless the clock of this machine is wrong"};
    default:
      return Failure{Exit::unavailable, whose + " is not trusted: " + why, authority_hint()};
  }
}

}  // namespace convctl
