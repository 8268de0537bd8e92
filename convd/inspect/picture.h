#pragma once
// How many pixels a picture will have once it is decoded, from its header alone. Any thread.

#include <cstdint>
#include <optional>
#include <string_view>

namespace convd::inspect {

// An ISO base media file whose brand is that of a still picture: HEIF, HEIC or AVIF.
bool is_heif(std::string_view bytes);

// PNG, JPEG, GIF, WebP, TIFF, BMP, HEIF, told by their first bytes; those of all frames where they are decoded
// together. Nothing when it is none of these or does not say. `bytes` may be the beginning of the file only.
std::optional<std::int64_t> pixels_of(std::string_view bytes);

}  // namespace convd::inspect
