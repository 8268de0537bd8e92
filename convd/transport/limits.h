#pragma once
// Every bound of the HTTP and WebSocket side, in one place. Sizes in bytes, times in milliseconds.

#include <chrono>
#include <cstddef>
#include <cstdint>

namespace convd::transport {

using std::chrono::milliseconds;

struct Limits {
  std::size_t head_bytes = 16 * 1024;   // request line and headers together
  std::size_t target_bytes = 8 * 1024;  // the target alone
  std::size_t header_fields = 100;
  std::size_t path_segments = 32;
  std::size_t query_parameters = 256;
  std::size_t trailer_bytes = 8 * 1024;           // trailers of a chunked body
  std::size_t input_bytes = 64 * 1024;            // what a client may pipeline while an answer is awaited
  std::size_t message_bytes = 64 * 1024;          // one WebSocket message from a client
  std::int64_t linger_bytes = 256 * 1024 * 1024;  // read and thrown away after an early answer
  std::size_t connections = 12'000;
  std::size_t local_places = 16;  // of those, for the Unix socket: operators get in whatever comes over TCP
  std::int64_t body_rate = 1024;  // a second: the least a sender manages on average; 0: any

  milliseconds head_timeout{10'000};     // from the first byte of a head (or the connection) to its end
  milliseconds idle_timeout{60'000};     // between two requests
  milliseconds body_timeout{30'000};     // without any byte of a body that is due
  milliseconds body_grace{10'000};       // before body_rate is looked at
  milliseconds send_timeout{30'000};     // without the peer taking a byte that waits
  milliseconds slow_timeout{30'000};     // the same, of a conversation that goes on
  milliseconds farewell_timeout{5'000};  // from its close to the end
  milliseconds linger_timeout{10'000};   // from an early answer to the end
  milliseconds accept_pause{100};        // when descriptors run out
  milliseconds tick{1'000};              // how often the above are looked at
  std::uint16_t ping_s = 30;             // WebSocket: silence before a ping
  std::uint16_t hangup_s = 40;           // WebSocket: silence before the connection is given up
};

}  // namespace convd::transport
