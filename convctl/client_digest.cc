#include "convctl/client_digest.h"

#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "convctl/client_lws.h"
#include "convctl/failure.h"

namespace convctl {
namespace {

constexpr std::size_t chunk_bytes = 1 << 20;

// The library hashes only what is in memory as a whole: so each piece is hashed with the name of all before it.
class Chain {
 public:
  void add(std::string_view piece) {
    std::string link = name_;
    link += piece;
    std::array<unsigned char, 20> hash;
    lws_SHA1(reinterpret_cast<const unsigned char*>(link.data()), link.size(), hash.data());
    name_.clear();
    for (const unsigned char byte : hash) {
      name_ += "0123456789abcdef"[byte >> 4U];
      name_ += "0123456789abcdef"[byte & 15U];
    }
  }
  const std::string& name() const { return name_; }

 private:
  std::string name_;
};

}  // namespace

std::string digest_of(int fd, const std::vector<std::string>& words) {
  Chain chain;
  for (const std::string& word : words) chain.add(word);
  std::string chunk(chunk_bytes, '\0');
  off_t offset = 0;
  for (;;) {
    const ssize_t got = ::pread(fd, chunk.data(), chunk.size(), offset);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) throw Failure{Exit::no_input, std::strerror(errno), ""};
    if (got == 0) return chain.name();
    chain.add(std::string_view(chunk.data(), static_cast<std::size_t>(got)));
    offset += got;
  }
}

}  // namespace convctl
