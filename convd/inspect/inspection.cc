#include "convd/inspect/inspection.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <type_traits>

#include "convd/inspect/archive.h"
#include "convd/inspect/picture.h"
#include "convd/inspect/prolog.h"
#include "shared/fields.h"
#include "shared/json.h"

namespace convd::inspect {

using shared::Error;
using shared::ErrorCode;

// What crosses to the program that looks. Bytes go as hexadecimal digits.
struct Wire {
  std::string format;
  int magic = 0;
  std::string media_type;
  std::string title;
  std::string begins;
  bool has_password = false;
  std::int64_t input_pixels = 0;
  std::int64_t archive_entries = 0;
  std::int64_t archive_size = 0;
  std::int64_t archive_ratio = 0;
};

void fields(auto& v, auto& m, std::type_identity<Wire>) {
  v.field("format", m.format);
  v.field("magic", m.magic);
  v.field("media_type", m.media_type);
  v.field("title", m.title);
  v.field("begins", m.begins);
  v.field("has_password", m.has_password);
  v.field("input_pixels", m.input_pixels);
  v.field("archive_entries", m.archive_entries);
  v.field("archive_size", m.archive_size);
  v.field("archive_ratio", m.archive_ratio);
}

namespace {

constexpr std::string_view prefix = "convd-inspect: ";
constexpr std::string_view digits = "0123456789abcdef";

std::string to_hex(std::string_view bytes) {
  std::string text;
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    text += {digits[byte >> 4U], digits[byte & 15U]};
  }
  return text;
}

std::string from_hex(std::string_view text) {
  std::string bytes;
  for (std::size_t i = 0; i + 1 < text.size(); i += 2) {
    const auto high = digits.find(text[i]);
    const auto low = digits.find(text[i + 1]);
    bytes += static_cast<char>((high << 4U | low) & 0xFFU);
  }
  return bytes;
}

// A file as bytes, for as long as this lives.
class Mapped {
 public:
  explicit Mapped(const std::string& path) {
    const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    struct stat status {};
    readable_ = fd >= 0 && fstat(fd, &status) == 0 && S_ISREG(status.st_mode);
    if (readable_ && status.st_size > 0) {
      size_ = static_cast<std::size_t>(status.st_size);
      data_ = mmap(nullptr, size_, PROT_READ, MAP_PRIVATE, fd, 0);
      readable_ = data_ != MAP_FAILED;
    }
    if (fd >= 0) close(fd);
  }
  ~Mapped() {
    if (readable_ && size_ > 0) munmap(data_, size_);
  }
  Mapped(const Mapped&) = delete;
  Mapped& operator=(const Mapped&) = delete;

  bool readable() const { return readable_; }
  std::string_view bytes() const { return {static_cast<const char*>(size_ > 0 ? data_ : nullptr), size_}; }

 private:
  void* data_ = nullptr;
  std::size_t size_ = 0;
  bool readable_ = false;
};

// What a file says of itself: its first bytes, and those where an OLE container lists its streams.
std::string first_bytes(std::string_view file) {
  constexpr std::size_t piece = 4096;
  std::string head(file.substr(0, piece));
  const auto directory = directory_offset(head);
  if (directory && *directory < file.size()) head += file.substr(*directory, piece);
  return head;
}

std::optional<Error> check_type(std::string_view file, const Inspection& inspection) {
  const SniffResult sniffed = sniff(inspection.claim, first_bytes(file));
  switch (sniffed.verdict) {
    case Sniff::agrees:
      return std::nullopt;
    case Sniff::empty:
      return Error{ErrorCode::input_invalid, "The document is empty", {}};
    case Sniff::encrypted:
      if (inspection.has_password) return std::nullopt;
      return Error{ErrorCode::input_encrypted, "The document is protected by a password; give it with the request", {}};
    case Sniff::differs:
      break;
  }
  return Error{ErrorCode::input_invalid,
               "The document is not of the format " + inspection.claim.format + ", it looks like " +
                   (sniffed.seen.empty() ? "something else" : sniffed.seen),
               {}};
}

std::optional<Error> check_pixels(std::string_view file, const Limits& limits) {
  const auto pixels = pixels_of(file);
  if (!pixels || limits.input_pixels == 0 || *pixels <= limits.input_pixels) return std::nullopt;
  return Error{ErrorCode::input_too_large,
               "The picture has " + std::to_string(*pixels) + " pixels, more than " +
                   std::to_string(limits.input_pixels) + " (input_pixels)",
               {}};
}

bool is_encrypted_container(std::string_view file, const Inspection& inspection) {
  return inspection.has_password && sniff(inspection.claim, first_bytes(file)).verdict == Sniff::encrypted;
}

std::optional<Error> check_content(std::string_view file, const Inspection& inspection) {
  switch (inspection.claim.magic) {
    case Magic::zip:
      // What is encrypted is known to the engine only.
      if (is_encrypted_container(file, inspection)) return std::nullopt;
      return check_archive(file, inspection);
    case Magic::xml:
      if (auto danger = danger_in_prolog(file, Doctype::harmless_allowed))
        return Error{ErrorCode::input_invalid, *std::move(danger), {}};
      return std::nullopt;
    case Magic::png:
    case Magic::jpeg:
    case Magic::webp:
    case Magic::tiff:
    case Magic::gif:
    case Magic::bmp:
    case Magic::heif:
      return check_pixels(file, inspection.limits);
    default:
      return std::nullopt;
  }
}

}  // namespace

std::string encode(const Inspection& inspection) {
  const Claim& claim = inspection.claim;
  const Limits& limits = inspection.limits;
  const Wire wire{claim.format,         static_cast<int>(claim.magic), claim.media_type,    claim.title,
                  to_hex(claim.begins), inspection.has_password,       limits.input_pixels, limits.archive_entries,
                  limits.archive_size,  limits.archive_ratio};
  return shared::write_fields(wire).dump();
}

shared::Result<Inspection> decode(std::string_view text) {
  auto json = shared::Json::parse(text);
  if (!json) return json.error();
  Wire wire;
  if (auto read = shared::read_fields<shared::Absent::is_refused>(json->read(), wire); !read) return read.error();
  if (wire.magic < 0 || wire.magic > static_cast<int>(Magic::given))
    return Error{ErrorCode::invalid_json, "$.magic: unknown", {}};
  Inspection inspection;
  inspection.claim = {wire.format, static_cast<Magic>(wire.magic), wire.media_type, wire.title, from_hex(wire.begins)};
  inspection.has_password = wire.has_password;
  inspection.limits.input_pixels = wire.input_pixels;
  inspection.limits.archive_entries = wire.archive_entries;
  inspection.limits.archive_size = wire.archive_size;
  inspection.limits.archive_ratio = wire.archive_ratio;
  return inspection;
}

std::optional<Error> inspect(const Inspection& inspection, const std::string& path) {
  const Mapped file(path);
  if (!file.readable()) return Error{ErrorCode::internal, "The document could not be read", {}};
  if (auto error = check_type(file.bytes(), inspection)) return error;
  return check_content(file.bytes(), inspection);
}

std::string refusal_line(const Error& why) {
  return std::string(prefix) + std::string(shared::to_string(why.code)) + ": " + why.message + "\n";
}

std::optional<Error> refusal_in(std::string_view tail) {
  if (tail.ends_with('\n')) tail.remove_suffix(1);
  const auto begin = tail.rfind('\n');
  std::string_view line = begin == std::string_view::npos ? tail : tail.substr(begin + 1);
  if (!line.starts_with(prefix)) return std::nullopt;
  line.remove_prefix(prefix.size());
  const auto colon = line.find(": ");
  if (colon == std::string_view::npos) return std::nullopt;
  const auto code = shared::error_code_from(line.substr(0, colon));
  if (!code) return std::nullopt;
  return Error{*code, std::string(line.substr(colon + 2)), {}};
}

}  // namespace convd::inspect
