#include "convd/store/wal_check.h"

#include <array>
#include <bit>
#include <cstdint>
#include <cstring>
#include <fstream>
#include <optional>
#include <vector>

namespace convd::store {
namespace {

// https://www.sqlite.org/fileformat2.html#the_write_ahead_log: big-endian numbers; the checksum adds up words whose
// byte order is told by the magic number.
constexpr std::size_t header_bytes = 32;
constexpr std::size_t frame_header_bytes = 24;
constexpr std::size_t signed_of_header = 24;
constexpr std::size_t signed_of_frame_header = 8;
constexpr std::uint32_t magic = 0x377f0682;  // or that and one
constexpr std::uint32_t most_page_bytes = 65'536;
constexpr std::uint32_t usual_page_bytes = 4'096;
using Salt = std::array<char, 8>;  // names a log, in its header and in each of its frames
constexpr std::size_t salt_of_header = 16;
constexpr std::size_t salt_of_frame = 8;

std::uint32_t number_at(const char* bytes) {
  std::uint32_t value = 0;
  for (int i = 0; i < 4; ++i) value = value << 8 | static_cast<unsigned char>(bytes[i]);
  return value;
}

struct Sum {
  std::uint32_t first = 0;
  std::uint32_t second = 0;
  bool operator==(const Sum&) const = default;
};

Sum sum_at(const char* bytes) {
  return {number_at(bytes), number_at(bytes + 4)};
}

Sum add(Sum sum, const char* bytes, std::size_t count, bool big_endian) {
  for (std::size_t at = 0; at < count; at += 8) {
    std::array<std::uint32_t, 2> words{number_at(bytes + at), number_at(bytes + at + 4)};
    if (!big_endian) words = {__builtin_bswap32(words[0]), __builtin_bswap32(words[1])};
    sum.first += words[0] + sum.second;
    sum.second += words[1] + sum.first;
  }
  return sum;
}

Salt salt_at(const char* bytes) {
  Salt salt;
  std::memcpy(salt.data(), bytes, salt.size());
  return salt;
}

// What the index beside the log says of it: so many frames are committed. SQLite says so once they are on the disk.
struct Claim {
  std::uint32_t frames = 0;
  Salt salt{};
};

// https://www.sqlite.org/walformat.html: numbers of this machine, all of it twice, the first time before the second.
std::optional<Claim> claim_of(const std::string& path) {
  constexpr std::size_t size = 48;
  constexpr std::size_t signed_bytes = 40;
  constexpr std::uint32_t version = 3'007'000;
  std::array<char, 2 * size> index{};
  if (!std::ifstream(path, std::ios::binary).read(index.data(), index.size())) return std::nullopt;
  if (std::memcmp(index.data(), index.data() + size, size) != 0) return std::nullopt;
  std::array<std::uint32_t, size / 4> words{};
  std::memcpy(words.data(), index.data(), size);
  constexpr bool big_endian = std::endian::native == std::endian::big;
  if (words[0] != version || add({}, index.data(), signed_bytes, big_endian) != Sum{words[10], words[11]})
    return std::nullopt;
  return Claim{words[4], salt_at(index.data() + 32)};
}

class Log {
 public:
  explicit Log(const std::string& path) : file_(path, std::ios::binary), header_(header_bytes) {}

  bool open() {
    if (!file_.read(header_.data(), header_bytes)) return false;
    const std::uint32_t kind = number_at(header_.data());
    std::uint32_t page_bytes = number_at(header_.data() + 8);
    last_ = sum_at(header_.data() + signed_of_header);
    salt_ = salt_at(header_.data() + salt_of_header);
    big_endian_ = (kind & 1U) != 0;
    is_whole_ = (kind & ~1U) == magic && page_bytes > 0 && page_bytes <= most_page_bytes && page_bytes % 8 == 0 &&
                add({}, header_.data(), signed_of_header, big_endian_) == last_;
    if (!is_whole_) {
      page_bytes = usual_page_bytes;
      big_endian_ = std::endian::native == std::endian::big;
    }
    frame_.resize(frame_header_bytes + page_bytes);
    return true;
  }
  // Whether the header adds up. When it does not, the first frame says whose they are.
  bool is_whole() const { return is_whole_; }
  const Salt& salt() const { return salt_; }

  bool next() {
    ends_commit_ = is_commit_;
    if (!file_.read(frame_.data(), static_cast<std::streamsize>(frame_.size()))) return false;
    if (frames_++ == 0 && !is_whole_) salt_ = salt_at(frame_.data() + salt_of_frame);
    return true;
  }
  // Whether it is a frame of this log, not of one that this has overwritten, and adds up with the sum that the frame
  // before it claims to have.
  bool continues() {
    const bool is_ours = salt_at(frame_.data() + salt_of_frame) == salt_;
    const Sum sum = add(add(last_, frame_.data(), signed_of_frame_header, big_endian_),
                        frame_.data() + frame_header_bytes, frame_.size() - frame_header_bytes, big_endian_);
    last_ = sum_at(frame_.data() + 16);
    is_commit_ = number_at(frame_.data() + 4) != 0;
    return is_ours && sum == last_;
  }
  bool ends_commit() const { return is_commit_; }
  // Whether the frame before this one was the last of a commit.
  bool begins_commit() const { return ends_commit_; }
  std::uint32_t frames() const { return frames_; }

 private:
  std::ifstream file_;
  std::vector<char> header_;
  std::vector<char> frame_;
  Sum last_;
  Salt salt_{};
  std::uint32_t frames_ = 0;
  bool is_whole_ = false;
  bool big_endian_ = false;
  bool is_commit_ = false;
  bool ends_commit_ = false;
};

}  // namespace

// A commit is written once the one before it is on the disk. So when a frame continues what was committed, that was
// complete, and all before it was. The header is on the disk before any frame is written.
bool is_wal_damaged(const std::string& database) {
  Log log(database + "-wal");
  if (!log.open()) return false;
  std::uint32_t committed = 0;
  bool broken = !log.is_whole();
  while (log.next()) {
    const bool continues = log.continues();
    if (broken && continues && log.begins_commit()) return true;
    broken = broken || !continues;
    if (!broken && log.ends_commit()) committed = log.frames();
  }
  const auto claim = claim_of(database + "-shm");
  return claim && claim->salt == log.salt() && committed < claim->frames;
}

}  // namespace convd::store
