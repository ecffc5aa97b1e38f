#include "cli/disk_rate.h"

#include <fmt/format.h>

#include <atomic>
#include <mutex>
#include <thread>
#include <vector>

#include "base/clock.h"
#include "base/direct_file.h"
#include "base/file.h"
#include "base/random.h"
#include "base/text.h"
#include "tensor/buffer.h"

namespace weir {
namespace {

constexpr uint64_t kInOrder = uint64_t(8) << 20, kScattered = uint64_t(1) << 20;
constexpr uint64_t kLeastFile = 2 * kInOrder;
constexpr int kReaders = 8;

}  // namespace

Result<DiskRate> disk_rate(const std::string& path, double seconds) {
  const uint64_t size = TRY(file_size(path));
  if (size < kLeastFile)
    return Error{fmt::format("{}: has {}; a disk is measured with a file of {} or more", path,
                             format_bytes(double(size)), format_bytes(double(kLeastFile)))};
  const std::unique_ptr<DirectFile> file = TRY(DirectFile::open(path));
  const auto read = [&](const Buffer& to, uint64_t offset) -> Result<void> {
    TRY(file->read(reinterpret_cast<std::byte*>(to.data()), offset, to.size()));
    if (file->is_direct()) return {};
    return Error{path + ": its file system has no direct I/O; give a file on the disk to measure"};
  };
  DiskRate rate;
  const auto limit_ns = int64_t(seconds * 1e9);

  Buffer buffer(kInOrder);
  int64_t began = monotonic_ns(), now = began;
  uint64_t done = 0;
  for (uint64_t at = 0; now - began < limit_ns; at += kInOrder, now = monotonic_ns()) {
    if (at + kInOrder > size) at = 0;
    TRY(read(buffer, at));
    done += kInOrder;
  }
  rate.in_order = double(done) / (double(now - began) * 1e-9);

  std::atomic<uint64_t> blocks{0};
  std::mutex mutex;
  Result<void> all;  // of the readers
  std::vector<std::thread> readers;
  began = monotonic_ns();
  for (int r = 0; r < kReaders; ++r)
    readers.emplace_back([&, r] {
      Buffer own(kScattered);
      Random random(1, uint64_t(r));
      while (monotonic_ns() - began < limit_ns) {
        if (Result<void> result = read(own, random.below(size / kScattered) * kScattered);
            !result) {
          const std::lock_guard lock(mutex);
          all = std::move(result);
          return;
        }
        ++blocks;
      }
    });
  for (std::thread& reader : readers) reader.join();
  TRY(std::move(all));
  rate.scattered = double(blocks * kScattered) / (double(monotonic_ns() - began) * 1e-9);
  rate.bytes = double(done + blocks * kScattered);
  return rate;
}

}  // namespace weir
