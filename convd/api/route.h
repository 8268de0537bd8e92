#pragma once
// One row per route, and the table that finds the row of a request.

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "convd/api/exchange.h"
#include "convd/api/reply.h"
#include "convd/trust/bucket_gate.h"

namespace convd::api {

enum class Permission : std::uint8_t {
  anyone,   // also who has no token
  convert,  // the scope of that name, as the next
  read,
  operators,
  local_operators,  // over the Unix socket
};

// Where a token may be. In a URL only where browsers leave no other place: it is seen by everybody who sees URLs.
enum class Credentials : std::uint8_t { header, header_or_url };

// What the row says about the body of a request.
enum class Body : std::uint8_t {
  ignored,  // read and dropped, up to a small limit
  taken,    // handed to the handler as it comes
};

// One request on its way to a handler. `params` are the decoded {…} segments of the path, in order.
struct Call {
  Request request;
  std::vector<std::string> params;
  Reply reply;
};

// A request while it is handled; lives until the answer is given or the client has gone. Loop thread only.
class Handler {
 public:
  virtual ~Handler() = default;
  virtual void on_body(std::string_view) {}
  virtual void on_body_end() = 0;
  virtual void on_client_left() {}  // see Exchange
};

// Called with the head of a request. Null when it has been answered already.
using Start = std::function<std::shared_ptr<Handler>(Call)>;

struct Route {
  std::string_view method;
  std::string_view pattern;  // "/v1/conversions/{id}"
  Permission permission;
  Body body;
  std::int64_t body_limit_bytes;
  Start start;
  Credentials credentials = Credentials::header;
  trust::Errand errand = trust::Errand::request;
};

// How a WebSocket is told that its token is missing, bad or not enough.
enum class Refusal : std::uint8_t {
  by_http,   // instead of the upgrade: the GET row of the same pattern says why
  by_close,  // with a code, which browsers can read
};

// A WebSocket: null when there is no such thing to watch; the GET row of the same pattern then says why.
struct SocketRoute {
  std::string_view pattern;
  std::function<std::unique_ptr<SocketSession>(const Request&, const std::vector<std::string>& params)> open;
  Permission permission = Permission::read;
  Refusal refusal = Refusal::by_http;
};

inline constexpr std::int64_t ignored_body_bytes = 64 << 10;

// Rows whose answer needs no body.
// ... and is there at once:
Start answer(std::function<shared::Result<Response>(const Call&)> handler);
// ... or is given later by call.reply:
Start answer_later(std::function<void(const Call&)> handler);

// A GET without a body, answered at once; for the scope read, or for anyone.
Route read_get(std::string_view pattern, std::function<shared::Result<Response>(const Call&)> handler);
Route open_get(std::string_view pattern, std::function<shared::Result<Response>(const Call&)> handler);

class RouteTable {
 public:
  // Throws std::logic_error when two rows of a method fit the same path, or a pattern is malformed.
  explicit RouteTable(std::vector<Route> routes);

  struct Match {
    const Route* route = nullptr;  // null: none for this method
    std::vector<std::string> params;
    std::string pattern;  // of some row that fits the path; empty when none does
    std::string allow;    // all methods that fit the path, "GET, HEAD, OPTIONS"; empty when none does
  };
  Match find(std::string_view method, const std::vector<std::string>& path) const;
  const std::vector<Route>& rows() const { return routes_; }

 private:
  std::vector<Route> routes_;
};

// The {…} segments when `path` fits `pattern`, which must not be empty.
std::optional<std::vector<std::string>> match_path(std::string_view pattern, const std::vector<std::string>& path);

}  // namespace convd::api
