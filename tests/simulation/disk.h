#pragma once
// The disk below the store's files: what has been brought to it by fsync stays after a power cut, of the rest nobody
// knows. fsync() and statvfs() of this program are the ones of disk.cc.

#include <cstdint>
#include <map>
#include <string>

#include "tests/simulation/dice.h"

namespace simulation {

// A directory in memory (/dev/shm), removed at the end. One at a time.
class Disk {
 public:
  explicit Disk(Dice& dice);
  ~Disk();
  Disk(const Disk&) = delete;
  Disk& operator=(const Disk&) = delete;

  const std::string& root() const { return root_; }

  // 0, or the errno with which every fsync may fail from now on, and how often.
  void fail(int error_number, int per_mille);
  void fill(bool full) { full_ = full; }
  bool is_full() const { return full_; }
  int failed() const { return failed_; }

  // Files that were not brought to the disk are gone, cut short, or there, each as the dice say.
  void power_cut();
  // What a crash may leave of work that was under way: bytes nobody names.
  void litter(const std::string& id, const std::string& sha256);

  int synced(int fd);  // returns 0 or an errno

 private:
  using Entries = std::map<std::string, std::uint64_t>;  // name -> inode
  Entries entries_of(const std::string& path) const;
  void cut(const std::string& path);
  void forget(const std::string& path);

  Dice& dice_;
  std::string root_;
  std::map<std::string, Entries> directories_;   // as last synced, by path
  std::map<std::uint64_t, std::int64_t> files_;  // inode -> bytes, as last synced
  int error_number_ = 0;
  int error_per_mille_ = 0;
  int failed_ = 0;
  bool full_ = false;
};

}  // namespace simulation
