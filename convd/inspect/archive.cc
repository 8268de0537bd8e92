#include "convd/inspect/archive.h"

#include <zlib.h>

#include <algorithm>
#include <array>
#include <string>

#include "convd/inspect/directory.h"
#include "convd/inspect/picture.h"
#include "convd/inspect/prolog.h"

namespace convd::inspect {
namespace {

using shared::Error;
using shared::ErrorCode;
using std::string_view;

// Below this no ratio is suspicious: a short text of one letter packs well.
constexpr std::uint64_t ratio_counts_from = 64 << 20;

// What came out of an entry: how much, and how it begins.
struct Unpacked {
  std::uint64_t size = 0;
  std::string head;
  bool whole = false;  // to its end, and no more than was told
};

class Inflater {
 public:
  Inflater() : good_(inflateInit2(&stream_, -MAX_WBITS) == Z_OK) {}
  ~Inflater() {
    if (good_) inflateEnd(&stream_);
  }
  Inflater(const Inflater&) = delete;
  Inflater& operator=(const Inflater&) = delete;

  // Stops behind `told` bytes.
  Unpacked unpack(string_view packed, std::uint64_t told) {
    Unpacked made;
    int state = good_ ? Z_OK : Z_STREAM_ERROR;
    while (state == Z_OK && made.size <= told) {
      if (stream_.avail_in == 0) feed(packed);
      stream_.next_out = buffer_.data();
      stream_.avail_out = static_cast<uInt>(buffer_.size());
      state = inflate(&stream_, Z_NO_FLUSH);
      const std::size_t length = buffer_.size() - stream_.avail_out;
      made.size += length;
      const std::size_t kept = std::min(length, prolog_bytes - made.head.size());
      made.head.append(reinterpret_cast<const char*>(buffer_.data()), kept);
    }
    made.whole = state == Z_STREAM_END && made.size == told;
    return made;
  }

 private:
  void feed(string_view& packed) {
    constexpr std::size_t most = 1 << 20;
    const string_view piece = packed.substr(0, most);
    packed.remove_prefix(piece.size());
    stream_.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(piece.data()));
    stream_.avail_in = static_cast<uInt>(piece.size());
  }

  z_stream stream_{};
  std::array<Bytef, 64 << 10> buffer_{};
  bool good_;
};

Unpacked unpack(const Entry& entry) {
  if (entry.packing == static_cast<std::uint64_t>(Packing::deflated))
    return Inflater().unpack(entry.packed, entry.size);
  const bool stored = entry.packing == static_cast<std::uint64_t>(Packing::stored);
  // No engine here reads another packing; what it says is believed.
  return {entry.size, std::string(stored ? entry.packed.substr(0, prolog_bytes) : string_view()),
          !stored || entry.packed.size() == entry.size};
}

std::string mebibytes(std::uint64_t bytes) {
  return std::to_string((bytes + (1 << 20) - 1) >> 20U) + " MiB";
}

std::optional<Error> check_sum(std::uint64_t unpacked, std::uint64_t packed, const Limits& limits) {
  const auto most = static_cast<std::uint64_t>(limits.archive_size);
  if (most > 0 && unpacked > most)
    return Error{
        ErrorCode::input_too_large, "The document unpacks to more than " + mebibytes(most) + " (archive_size)", {}};
  const auto ratio = static_cast<std::uint64_t>(limits.archive_ratio);
  if (ratio > 0 && unpacked > ratio_counts_from && unpacked / ratio > packed)
    return Error{ErrorCode::input_too_large,
                 "The document unpacks to more than " + std::to_string(ratio) + " times its size (archive_ratio)",
                 {}};
  return std::nullopt;
}

std::optional<Error> check_part(const Entry& entry, const Unpacked& part, const Inspection& inspection) {
  if (!part.whole)
    return Error{ErrorCode::input_invalid,
                 "The document is a damaged zip archive: a part of it is damaged, or larger than it says",
                 {}};
  if (entry.name == "META-INF/manifest.xml" && part.head.find("encryption-data") != std::string::npos &&
      !inspection.has_password) {
    return Error{ErrorCode::input_encrypted, "The document is protected by a password; give it with the request", {}};
  }
  // By its content: a part may have any name.
  if (part.head.find('<') != std::string::npos) {
    const auto doctype = is_ooxml(inspection.claim) ? Doctype::refused : Doctype::harmless_allowed;
    if (auto danger = danger_in_prolog(part.head, doctype))
      return Error{ErrorCode::input_invalid, *std::move(danger), {}};
  }
  const auto pixels = pixels_of(part.head);
  const std::int64_t most = inspection.limits.input_pixels;
  if (pixels && most > 0 && *pixels > most) {
    return Error{ErrorCode::input_too_large,
                 "A picture in the document has more than " + std::to_string(most) + " pixels (input_pixels)",
                 std::string(entry.name.substr(0, 200))};
  }
  return std::nullopt;
}

}  // namespace

std::optional<Error> check_archive(string_view bytes, const Inspection& inspection) {
  const auto entries = read_directory(bytes, static_cast<std::uint64_t>(inspection.limits.archive_entries));
  if (!entries) return entries.error();
  std::uint64_t unpacked = 0;
  std::uint64_t packed = 0;
  // First what the directory says: a bomb that owns up costs nothing.
  for (const Entry& entry : *entries) {
    if (__builtin_add_overflow(unpacked, entry.size, &unpacked)) unpacked = UINT64_MAX;
    packed += entry.packed.size();
  }
  if (auto error = check_sum(unpacked, packed, inspection.limits)) return error;
  for (const Entry& entry : *entries) {
    if (auto error = check_part(entry, unpack(entry), inspection)) return error;
  }
  return std::nullopt;
}

}  // namespace convd::inspect
