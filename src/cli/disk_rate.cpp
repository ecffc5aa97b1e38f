#include "cli/disk_rate.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstring>
#include <thread>
#include <vector>

#include "base/clock.h"
#include "base/file.h"
#include "base/random.h"
#include "base/text.h"
#include "tensor/buffer.h"

namespace weir {
namespace {

constexpr uint64_t kInOrder = uint64_t(8) << 20, kScattered = uint64_t(1) << 20;
constexpr uint64_t kLeastFile = 2 * kInOrder;
constexpr int kReaders = 8;

class DirectFile {
 public:
  explicit DirectFile(const std::string& path)
      : descriptor_(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_DIRECT)), error_(errno) {}
  ~DirectFile() {
    if (descriptor_ >= 0) close(descriptor_);
  }
  DirectFile(const DirectFile&) = delete;
  DirectFile& operator=(const DirectFile&) = delete;
  bool is_open() const { return descriptor_ >= 0; }
  int error() const { return error_; }
  bool read(const Buffer& to, uint64_t offset) {
    for (;;) {
      const ssize_t n = pread(descriptor_, to.data(), to.size(), off_t(offset));
      if (n == ssize_t(to.size())) return true;
      if (n >= 0 || errno != EINTR) break;
    }
    error_ = errno;
    return false;
  }

 private:
  int descriptor_;
  int error_;
};

Error failure(const std::string& path, int code) {
  if (code == EINVAL)
    return {path + ": its file system has no direct I/O; give a file on the disk to measure"};
  return {path + ": can not read: " + std::strerror(code)};
}

}  // namespace

Result<DiskRate> disk_rate(const std::string& path, double seconds) {
  const uint64_t size = TRY(file_size(path));
  if (size < kLeastFile)
    return Error{fmt::format("{}: has {}; a disk is measured with a file of {} or more", path,
                             format_bytes(double(size)), format_bytes(double(kLeastFile)))};
  DirectFile file(path);
  if (!file.is_open()) return failure(path, file.error());
  DiskRate rate;
  const auto limit_ns = int64_t(seconds * 1e9);

  Buffer buffer(kInOrder);
  int64_t began = monotonic_ns(), now = began;
  uint64_t done = 0;
  for (uint64_t at = 0; now - began < limit_ns; at += kInOrder, now = monotonic_ns()) {
    if (at + kInOrder > size) at = 0;
    if (!file.read(buffer, at)) return failure(path, file.error());
    done += kInOrder;
  }
  rate.in_order = double(done) / (double(now - began) * 1e-9);

  std::atomic<uint64_t> blocks{0};
  std::atomic<bool> failed{false};
  std::vector<std::thread> readers;
  began = monotonic_ns();
  for (int r = 0; r < kReaders; ++r)
    readers.emplace_back([&, r] {
      Buffer own(kScattered);
      Random random(1, uint64_t(r));
      while (monotonic_ns() - began < limit_ns && !failed) {
        if (!file.read(own, random.below(size / kScattered) * kScattered))
          failed = true;
        else
          ++blocks;
      }
    });
  for (std::thread& reader : readers) reader.join();
  if (failed) return failure(path, file.error());
  rate.scattered = double(blocks * kScattered) / (double(monotonic_ns() - began) * 1e-9);
  rate.bytes = double(done + blocks * kScattered);
  return rate;
}

}  // namespace weir
