#pragma once
// SHA-256 over OpenSSL, the only door to it in this folder. Any thread, one at a time per object.

#include <memory>
#include <string>
#include <string_view>

#include "shared/result.h"

struct evp_md_ctx_st;

namespace convd::store {

class Sha256 {
 public:
  Sha256();
  void update(std::string_view bytes);
  // Lower-case hex. Once, after the last update.
  std::string finish();

 private:
  struct Free {
    void operator()(evp_md_ctx_st* context) const noexcept;
  };
  std::unique_ptr<evp_md_ctx_st, Free> context_;
};

// Of a whole file, read from its start without moving its offset. Errors: unavailable.
shared::Result<std::string> sha256_of(int fd);

// 64 lower-case hex digits.
bool is_sha256(std::string_view text);

}  // namespace convd::store
