#include "base/direct_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "base/check.h"
#include "base/div_up.h"

namespace weir {

Result<std::unique_ptr<DirectFile>> DirectFile::open(const std::string& path, bool wants_direct,
                                                     bool keeps_pages) {
  const int flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK;  // a named pipe is not waited for
  bool is_direct = wants_direct && !keeps_pages;
  int descriptor = is_direct ? ::open(path.c_str(), flags | O_DIRECT) : -1;
  if (descriptor < 0) {
    is_direct = false;
    descriptor = ::open(path.c_str(), flags);
  }
  if (descriptor < 0) return Error{path + ": can not open: " + std::strerror(errno)};
  std::unique_ptr<DirectFile> file(new DirectFile(path, descriptor));
  file->is_direct_ = is_direct;
  file->keeps_pages_ = keeps_pages;
  struct stat info {};
  if (fstat(descriptor, &info) != 0) return Error{path + ": can not read: " + std::strerror(errno)};
  if (!S_ISREG(info.st_mode)) return Error{path + ": is not a regular file"};
  file->size_ = uint64_t(info.st_size), file->inode_ = info.st_ino;
  file->changed_s_ = info.st_mtim.tv_sec, file->changed_ns_ = info.st_mtim.tv_nsec;
  return file;
}

DirectFile::~DirectFile() { ::close(descriptor_); }

Result<void> DirectFile::check_unchanged() const {
  struct stat info {};
  if (fstat(descriptor_, &info) != 0)
    return Error{path_ + ": can not read: " + std::strerror(errno)};
  if (uint64_t(info.st_size) < size_)
    return Error{fmt::format(
        "{}: was cut from {} to {} bytes while it was in use; restore the file and start again",
        path_, size_, info.st_size)};
  if (uint64_t(info.st_size) != size_ || info.st_mtim.tv_sec != changed_s_ ||
      info.st_mtim.tv_nsec != changed_ns_)
    return Error{path_ + ": was changed while it was in use; start again with the new file"};
  return {};
}

Result<void> DirectFile::read(std::byte* to, uint64_t offset, size_t bytes) const {
  CHECK_EQ(offset % kBlock, size_t(0));
  CHECK_EQ(reinterpret_cast<uintptr_t>(to) % kBlock, size_t(0));
  size_t done = 0;
  while (done < bytes) {
    const bool is_direct = is_direct_;
    const size_t wanted = is_direct ? round_up(bytes - done, kBlock) : bytes - done;
    const ssize_t n = pread(descriptor_, to + done, wanted, off_t(offset + done));
    if (n > 0) {
      done += size_t(n);
      if (is_direct && n % ssize_t(kBlock) != 0) break;  // the end of the file
      continue;
    }
    if (n == 0) break;
    if (errno == EINTR) continue;
    if (errno != EINVAL || !is_direct)
      return Error{path_ + ": can not read: " + std::strerror(errno)};
    // Some file systems open for direct I/O and then refuse it.
    if (fcntl(descriptor_, F_SETFL, 0) != 0)
      return Error{path_ + ": can not read: " + std::strerror(errno)};
    is_direct_ = false;
  }
  if (!is_direct_ && !keeps_pages_)
    posix_fadvise(descriptor_, off_t(offset), off_t(bytes), POSIX_FADV_DONTNEED);
  const Result<void> unchanged = check_unchanged();
  if (!unchanged || done >= bytes) return unchanged;
  return Error{
      fmt::format("{}: ends at {} bytes, before the {} that are read; it was cut short: "
                  "download it again",
                  path_, offset + done, offset + bytes)};
}

}  // namespace weir
