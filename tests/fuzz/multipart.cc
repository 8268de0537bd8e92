// A multipart body: what comes out does not depend on the pieces it came in, and keeps to the limits.

#include "convd/api/multipart.h"

#include "shared/utf8.h"
#include "tests/fuzz/input.h"

using namespace convd::api;

namespace {

constexpr MultipartLimits limits{.head_bytes = 200, .value_bytes = 100, .parts = 5};

// Writes down what it is told; parts whose name begins with "s" are taken as they come.
class Recorder final : public PartSink {
 public:
  shared::Result<PartUse> on_part(const PartHead& head) override {
    fuzz::must(++parts_ <= limits.parts, "no more parts than allowed");
    fuzz::must(shared::is_utf8(head.name) && !head.name.empty(), "a part has a name");
    story += "part " + head.name + " file " + head.filename.value_or("-") + " type " + head.content_type + "\n";
    return head.name.front() == 's' ? PartUse::stream : PartUse::value;
  }
  shared::Result<void> on_value(const PartHead&, std::string value) override {
    fuzz::must(value.size() <= limits.value_bytes, "no value is over its limit");
    story += "value " + value + "\n";
    return {};
  }
  shared::Result<void> on_bytes(std::string_view bytes) override {
    fuzz::must(!bytes.empty(), "bytes are never none");
    story += bytes;
    return {};
  }
  shared::Result<void> on_stream_end() override {
    story += "end\n";
    return {};
  }

  std::string story;

 private:
  int parts_ = 0;
};

void finish(MultipartParser& parser, Recorder& recorder, const shared::Result<void>& fed) {
  const auto outcome = fed ? parser.finish() : fed;
  recorder.story += outcome ? "complete" : "refused: " + outcome.error().message;
}

}  // namespace

FUZZ_TARGET(input) {
  const std::size_t seed = input.number(256);
  const auto boundary = MultipartParser::boundary_of(input.line());
  if (!boundary) return;
  Recorder whole;
  MultipartParser at_once(*boundary, whole, limits);
  finish(at_once, whole, at_once.feed(input.rest()));

  Recorder pieces;
  MultipartParser by_and_by(*boundary, pieces, limits);
  shared::Result<void> fed;
  fuzz::in_pieces(input.rest(), seed, [&](std::string_view piece) {
    fed = by_and_by.feed(piece);
    return fed.ok();
  });
  finish(by_and_by, pieces, fed);
  fuzz::must(whole.story == pieces.story, "the pieces make no difference");
}
