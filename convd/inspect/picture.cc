#include "convd/inspect/picture.h"

#include <algorithm>
#include <cstdlib>
#include <limits>

#include "convd/inspect/bytes.h"

namespace convd::inspect {
namespace {

using std::string_view;
using namespace std::string_view_literals;

using Pixels = std::optional<std::int64_t>;

// Files of more are read to here.
constexpr std::uint64_t most_pages = 10'000;
constexpr std::uint64_t most_pieces = 1'000'000;

std::int64_t product(std::uint64_t width, std::uint64_t height, std::uint64_t frames = 1) {
  constexpr auto most = std::numeric_limits<std::int64_t>::max();
  std::int64_t pixels = 0;
  const bool over = __builtin_mul_overflow(width, height, &pixels) || __builtin_mul_overflow(pixels, frames, &pixels);
  return over ? most : pixels;
}

Pixels of_png(string_view bytes) {
  if (bytes.size() < 24) return std::nullopt;
  return product(big(bytes, 16, 4), big(bytes, 20, 4));
}

// From marker to marker as far as the frame header.
Pixels of_jpeg(string_view bytes) {
  for (std::size_t at = 2; at + 9 <= bytes.size();) {
    if (bytes[at] != '\xFF') return std::nullopt;
    const auto marker = static_cast<unsigned char>(bytes[at + 1]);
    if (marker == 0xFF) {
      ++at;
      continue;
    }
    const bool is_frame = marker >= 0xC0 && marker <= 0xCF && marker != 0xC4 && marker != 0xC8 && marker != 0xCC;
    if (is_frame) return product(big(bytes, at + 7, 2), big(bytes, at + 5, 2));
    const bool has_no_length = marker == 0x01 || (marker >= 0xD0 && marker <= 0xD8);
    at += 2 + (has_no_length ? 0 : std::max<std::uint64_t>(2, big(bytes, at + 2, 2)));
  }
  return std::nullopt;
}

// Behind the blocks that begin at `at`, each with its length in front.
std::size_t after_blocks(string_view bytes, std::size_t at) {
  while (at < bytes.size() && bytes[at] != '\0') at += 1 + little(bytes, at, 1);
  return at + 1;
}

std::size_t colours(std::uint64_t packed) {
  return (packed & 0x80U) != 0 ? std::size_t{3} << ((packed & 7U) + 1) : 0;
}

// All frames have the size of the canvas, or of the largest of them.
Pixels of_gif(string_view bytes) {
  if (bytes.size() < 13) return std::nullopt;
  std::uint64_t width = little(bytes, 6, 2);
  std::uint64_t height = little(bytes, 8, 2);
  std::uint64_t frames = 0;
  for (std::size_t at = 13 + colours(little(bytes, 10, 1)); at < bytes.size() && frames < most_pieces;) {
    if (bytes[at] == '!') {
      at = after_blocks(bytes, at + 2);
    } else if (bytes[at] == ',') {
      ++frames;
      width = std::max(width, little(bytes, at + 1, 2) + little(bytes, at + 5, 2));
      height = std::max(height, little(bytes, at + 3, 2) + little(bytes, at + 7, 2));
      at = after_blocks(bytes, at + 11 + colours(little(bytes, at + 9, 1)));
    } else {
      break;
    }
  }
  return product(width, height, std::max<std::uint64_t>(frames, 1));
}

Pixels of_webp(string_view bytes) {
  std::uint64_t width = 0;
  std::uint64_t height = 0;
  std::uint64_t frames = 0;
  std::uint64_t pieces = 0;
  for (std::size_t at = 12; at + 8 <= bytes.size() && ++pieces < most_pieces;) {
    const string_view kind = bytes.substr(at, 4);
    const std::size_t data = at + 8;
    if (kind == "VP8X"sv) {
      width = little(bytes, data + 4, 3) + 1;
      height = little(bytes, data + 7, 3) + 1;
    } else if (kind == "ANMF"sv) {
      ++frames;
    } else if (kind == "VP8 "sv && width == 0) {
      width = little(bytes, data + 6, 2) & 0x3FFFU;
      height = little(bytes, data + 8, 2) & 0x3FFFU;
    } else if (kind == "VP8L"sv && width == 0) {
      const std::uint64_t packed = little(bytes, data + 1, 4);
      width = (packed & 0x3FFFU) + 1;
      height = (packed >> 14U & 0x3FFFU) + 1;
    }
    const std::uint64_t size = little(bytes, at + 4, 4);
    at = data + size + size % 2;
  }
  if (width == 0) return std::nullopt;
  return product(width, height, std::max<std::uint64_t>(frames, 1));
}

// The largest page: one is taken.
Pixels of_tiff(string_view bytes) {
  const Order order = bytes.front() == 'I' ? Order::little : Order::big;
  const bool large = number_at(bytes, 2, 2, order) == 43;
  const std::size_t wide = large ? 8 : 4;
  const std::size_t entry_size = large ? 20 : 12;
  std::int64_t most = 0;
  std::uint64_t at = number_at(bytes, large ? 8 : 4, wide, order);
  for (std::uint64_t page = 0; at != 0 && at < bytes.size() && page < most_pages; ++page) {
    const std::uint64_t entries = std::min<std::uint64_t>(number_at(bytes, at, large ? 8 : 2, order), 4096);
    const std::size_t first = at + (large ? 8 : 2);
    std::uint64_t width = 0;
    std::uint64_t height = 0;
    for (std::uint64_t i = 0; i < entries; ++i) {
      const std::size_t entry = first + i * entry_size;
      const std::uint64_t tag = number_at(bytes, entry, 2, order);
      const std::size_t value_size = number_at(bytes, entry + 2, 2, order) == 3 ? 2 : 4;
      const std::uint64_t value = number_at(bytes, entry + (large ? 12 : 8), value_size, order);
      if (tag == 256) width = value;
      if (tag == 257) height = value;
    }
    most = std::max(most, product(width, height));
    at = number_at(bytes, first + entries * entry_size, wide, order);
  }
  return most > 0 ? Pixels(most) : std::nullopt;
}

Pixels of_bmp(string_view bytes) {
  if (bytes.size() < 26) return std::nullopt;
  if (little(bytes, 14, 4) == 12) return product(little(bytes, 18, 2), little(bytes, 20, 2));
  const auto side = [&](std::size_t at) {
    return static_cast<std::uint64_t>(
        std::abs(static_cast<std::int64_t>(static_cast<std::int32_t>(little(bytes, at, 4)))));
  };
  return product(side(18), side(22));
}

// The largest of the sizes that are told, wherever their boxes lie.
Pixels of_heif(string_view bytes) {
  constexpr std::size_t where_boxes_lie = 1 << 20;
  const string_view head = bytes.substr(0, where_boxes_lie);
  std::int64_t most = 0;
  for (auto at = head.find("ispe"sv); at != string_view::npos; at = head.find("ispe"sv, at + 4))
    most = std::max(most, product(big(head, at + 8, 4), big(head, at + 12, 4)));
  return most > 0 ? Pixels(most) : std::nullopt;
}

bool is_tiff(string_view bytes) {
  return has_at(bytes, 0, "II*\0"sv) || has_at(bytes, 0, "MM\0*"sv) || has_at(bytes, 0, "II+\0"sv) ||
         has_at(bytes, 0, "MM\0+"sv);
}

}  // namespace

bool is_heif(string_view bytes) {
  return has_at(bytes, 4, "ftyp"sv) &&
         (has_at(bytes, 8, "hei"sv) || has_at(bytes, 8, "hev"sv) || has_at(bytes, 8, "mif1"sv) ||
          has_at(bytes, 8, "msf1"sv) || has_at(bytes, 8, "avi"sv));
}

std::optional<std::int64_t> pixels_of(string_view bytes) {
  if (has_at(bytes, 0, "\x89PNG\r\n\x1A\n"sv)) return of_png(bytes);
  if (has_at(bytes, 0, "\xFF\xD8\xFF"sv)) return of_jpeg(bytes);
  if (has_at(bytes, 0, "GIF87a"sv) || has_at(bytes, 0, "GIF89a"sv)) return of_gif(bytes);
  if (has_at(bytes, 0, "RIFF"sv) && has_at(bytes, 8, "WEBP"sv)) return of_webp(bytes);
  if (is_tiff(bytes)) return of_tiff(bytes);
  if (has_at(bytes, 0, "BM"sv)) return of_bmp(bytes);
  if (is_heif(bytes)) return of_heif(bytes);
  return std::nullopt;
}

}  // namespace convd::inspect
