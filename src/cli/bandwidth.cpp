#include "cli/bandwidth.h"

#include <algorithm>
#include <vector>

#include "base/progress.h"
#include "kernels/kernels.h"
#include "tensor/buffer.h"

namespace weir {

double memory_bandwidth(ThreadPool& pool) {
  constexpr size_t kBytes = size_t(512) << 20, kBlock = size_t(1) << 20;
  Buffer buffer(kBytes);
  const int blocks = int(kBytes / kBlock);
  std::vector<float> sums(static_cast<size_t>(blocks));
  // Written first: pages that were never written are one page of zeros.
  pool.parallel_for(blocks, [&](int b, int) {
    std::fill_n(buffer.floats() + size_t(b) * kBlock / 4, kBlock / 4, 1.f);
  });
  double best = 0;
  for (int pass = 0; pass < 5; ++pass) {
    int64_t begin = monotonic_ns();
    pool.parallel_for(blocks, [&](int b, int) {
      sums[size_t(b)] = kernels().sum(buffer.floats() + size_t(b) * kBlock / 4, int(kBlock / 4));
    });
    best = std::max(best, double(kBytes) / (double(monotonic_ns() - begin) * 1e-9));
  }
  return best;
}

}  // namespace weir
