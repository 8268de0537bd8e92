#include <unistd.h>

#include "convd/store/file_io.h"
#include "convd/store/files.h"
#include "convd/store/sha256.h"

namespace convd::store {

struct Upload::Hash {
  Sha256 sha256;
  WriteBack write_back;
};

Upload::Upload(loop::UniqueFd fd, std::string path)
    : fd_(std::move(fd)), path_(std::move(path)), hash_(std::make_unique<Hash>()) {}

Upload::~Upload() {
  discard();
}

void Upload::discard() {
  if (!path_.empty()) ::unlink(path_.c_str());
  path_.clear();
  fd_.reset();
}

shared::Result<void> Upload::append(std::string_view bytes) {
  if (gate_) {
    if (auto open = gate_(size_bytes_ + static_cast<std::int64_t>(bytes.size())); !open) return open;
  }
  if (auto written = write_all(fd_.get(), bytes); !written) return written;
  hash_->sha256.update(bytes);
  size_bytes_ += static_cast<std::int64_t>(bytes.size());
  hash_->write_back.written(fd_.get(), size_bytes_);
  return {};
}

const std::string& Upload::sha256() {
  if (digest_.empty()) digest_ = hash_->sha256.finish();
  return digest_;
}

}  // namespace convd::store
