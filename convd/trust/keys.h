#pragma once
// The table of keys tokens are signed with: the only place a `kid` can lead to. Any thread, one at a time per object.

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "convd/trust/key.h"
#include "shared/result.h"

namespace convd::trust {

// As configured: "auth.key = KID ALG PATH".
struct KeyFile {
  std::string id;
  Algorithm algorithm = Algorithm::hs256;
  std::string path;
  bool operator==(const KeyFile&) const = default;
};

class Keys {
 public:
  Keys() = default;
  explicit Keys(std::vector<std::shared_ptr<const Key>> keys) : keys_(std::move(keys)) {}
  // A file that holds a secret may be read by its owner and its group alone, and no key file may be written by others
  // than its owner, who is root or this process. Errors: invalid_option, names the key and its file.
  static shared::Result<Keys> load(const std::vector<KeyFile>& files);

  bool empty() const { return keys_.empty(); }
  // Without an id: the only key there is. Null when there is none.
  const Key* find(const std::string* id) const;
  // The key to sign with: the first that can, or the one of that id. Null when there is none, or it cannot.
  const Key* signer(std::string_view id) const;

 private:
  std::vector<std::shared_ptr<const Key>> keys_;  // few
};

}  // namespace convd::trust
