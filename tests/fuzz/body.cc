// A chunked or counted body: the pieces make no difference, and no framing comes through as content.

#include "convd/transport/body_decoder.h"

#include "tests/fuzz/input.h"

using namespace convd::transport;

namespace {

const Limits& small() {
  static const Limits limits = [] {
    Limits made;
    made.trailer_bytes = 100;
    return made;
  }();
  return limits;
}

struct Decoded {
  std::string body;
  std::string refusal;
  bool done = false;
  std::size_t left = 0;  // behind the body
  bool operator==(const Decoded&) const = default;
};

class Reader {
 public:
  explicit Reader(std::size_t length) {
    if (length == 0)
      decoder_.start_chunked();
    else
      decoder_.start_counted(static_cast<std::int64_t>(length - 1));
  }
  bool feed(std::string_view piece) {
    while (!piece.empty() && !decoder_.done()) {
      const std::size_t before = piece.size();
      const auto outcome = decoder_.step(piece, [this](std::string_view bytes) { is.body += bytes; });
      if (!outcome) {
        is.refusal = outcome.error().message;
        return false;
      }
      fuzz::must(piece.size() < before, "every step takes something");
    }
    is.left += piece.size();
    return true;
  }
  Decoded end() {
    is.done = decoder_.done();
    return is;
  }

 private:
  Decoded is;
  BodyDecoder decoder_{small()};
};

}  // namespace

FUZZ_TARGET(input) {
  const std::size_t seed = input.number(256);
  const std::size_t length = input.number(64);
  const fuzz::Exact bytes(input.rest());
  Reader at_once(length);
  at_once.feed(bytes.text());
  Reader by_and_by(length);
  fuzz::in_pieces(bytes.text(), seed, [&](std::string_view piece) { return by_and_by.feed(piece); });
  const Decoded decoded = at_once.end();
  fuzz::must(decoded == by_and_by.end(), "the pieces make no difference");
  fuzz::must(decoded.body.size() <= bytes.text().size(), "no more comes out than went in");
  if (length > 0) {
    const std::size_t want = std::min(length - 1, bytes.text().size());
    fuzz::must(decoded.body == bytes.text().substr(0, want), "a counted body is as long as it says");
  }
}
