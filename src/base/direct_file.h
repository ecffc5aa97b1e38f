// A file that is read past the page cache (O_DIRECT), at any place and by any number of threads:
// for data larger than memory, of which a cache of one's own keeps what is worth it.
#pragma once
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "base/result.h"

namespace weir {

class DirectFile {
 public:
  // Of offsets, of memory, and of what is read: enough for every disk and file system known.
  static constexpr size_t kBlock = 4096;

  // On a file system without direct I/O, or without `wants_direct`, the page cache is asked to drop
  // what was read (posix_fadvise), unless the file `keeps_pages`, which goes without direct I/O.
  static Result<std::unique_ptr<DirectFile>> open(const std::string& path, bool wants_direct = true,
                                                  bool keeps_pages = false);
  ~DirectFile();
  DirectFile(const DirectFile&) = delete;
  DirectFile& operator=(const DirectFile&) = delete;

  bool is_direct() const { return is_direct_; }
  uint64_t size() const { return size_; }
  uint64_t inode() const { return inode_; }
  const std::string& path() const { return path_; }
  // The bytes [offset, offset + bytes) of the file. `to` and `offset` are multiples of kBlock, and
  // `to` has room for `bytes` rounded up to one. An error, too, where the file was cut or changed
  // since it was opened.
  Result<void> read(std::byte* to, uint64_t offset, size_t bytes) const;

 private:
  DirectFile(std::string path, int descriptor) : path_(std::move(path)), descriptor_(descriptor) {}
  Result<void> check_unchanged() const;

  std::string path_;
  int descriptor_;
  uint64_t size_ = 0, inode_ = 0;
  int64_t changed_s_ = 0, changed_ns_ = 0;  // time of last change when opened
  bool keeps_pages_ = false;
  mutable std::atomic<bool> is_direct_{false};
};

}  // namespace weir
