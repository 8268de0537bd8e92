#include "convd/trust/keys.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "convd/loop/unique_fd.h"

namespace convd::trust {
namespace {

using shared::Error;
using shared::ErrorCode;
using shared::Result;

constexpr std::size_t most_file_bytes = 64 << 10;

Error wrong(const std::string& what) {
  return {ErrorCode::invalid_option, what, {}};
}

struct KeyText {
  std::string content;
  bool is_secret = false;  // no other than owner and group may read it
};

Result<KeyText> read_file(const std::string& path) {
  const loop::UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  struct stat file {};
  if (!fd || ::fstat(fd.get(), &file) != 0) return wrong(std::strerror(errno));
  if (!S_ISREG(file.st_mode)) return wrong("it is no file");
  if (file.st_uid != 0 && file.st_uid != ::geteuid()) return wrong("it must belong to root or to the user of convd");
  if ((file.st_mode & (S_IWGRP | S_IWOTH)) != 0) return wrong("others can write it: chmod go-w");
  KeyText text;
  text.is_secret = (file.st_mode & S_IRWXO) == 0;
  text.content.resize(most_file_bytes + 1);
  const ssize_t size = ::read(fd.get(), text.content.data(), text.content.size());
  if (size < 0) return wrong(std::strerror(errno));
  if (static_cast<std::size_t>(size) > most_file_bytes) return wrong("it is too large to be a key");
  text.content.resize(static_cast<std::size_t>(size));
  return text;
}

Result<Key> load_key(const KeyFile& file) {
  auto text = read_file(file.path);
  if (!text) return text.error();
  auto key = Key::read(file.id, file.algorithm, text->content);
  if (key && key->can_sign() && !text->is_secret) return wrong("everybody can read this secret: chmod o-rwx");
  return key;
}

}  // namespace

Result<Keys> Keys::load(const std::vector<KeyFile>& files) {
  std::vector<std::shared_ptr<const Key>> keys;
  for (const KeyFile& file : files) {
    auto key = load_key(file);
    if (!key) return wrong("auth.key: " + file.id + ": " + file.path + ": " + key.error().message);
    keys.push_back(std::make_shared<const Key>(*std::move(key)));
  }
  return Keys(std::move(keys));
}

const Key* Keys::find(const std::string* id) const {
  if (id == nullptr) return keys_.size() == 1 ? keys_.front().get() : nullptr;
  const auto found = std::find_if(keys_.begin(), keys_.end(), [&](const auto& key) { return key->id() == *id; });
  return found == keys_.end() ? nullptr : found->get();
}

const Key* Keys::signer(std::string_view id) const {
  const auto fits = [&](const auto& key) { return key->can_sign() && (id.empty() || key->id() == id); };
  const auto found = std::find_if(keys_.begin(), keys_.end(), fits);
  return found == keys_.end() ? nullptr : found->get();
}

}  // namespace convd::trust
