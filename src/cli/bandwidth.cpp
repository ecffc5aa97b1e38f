#include "cli/bandwidth.h"

#include <algorithm>
#include <cstring>
#include <vector>

#include "base/clock.h"
#include "tensor/buffer.h"

namespace weir {
namespace {

// A probe is one part of a buffer that is larger than the caches of most machines; when it is its
// turn again, the other parts have displaced it.
constexpr size_t kBytes = size_t(96) << 20;
constexpr int kParts = 6, kPasses = 3;

// The best rate of work(first block, blocks) over all parts and passes, in bytes per second.
template <class Work>
double best_rate(int blocks, size_t block_bytes, const Work& work) {
  double best = 0;
  for (int pass = 0; pass < kPasses; ++pass)
    for (int part = 0; part < kParts; ++part) {
      const int first = blocks * part / kParts, count = blocks * (part + 1) / kParts - first;
      const int64_t begin = monotonic_ns();
      work(first, count);
      const double seconds = double(monotonic_ns() - begin) * 1e-9;
      if (seconds > 0) best = std::max(best, double(count) * double(block_bytes) / seconds);
    }
  return best;
}

}  // namespace

double memory_bandwidth(ThreadPool& pool) {
  constexpr size_t kBlock = size_t(256) << 10;
  Buffer buffer(kBytes);
  const int blocks = int(kBytes / kBlock);
  std::vector<float> sums(static_cast<size_t>(blocks));
  auto block = [&](int b) { return buffer.floats() + size_t(b) * kBlock / sizeof(float); };
  // Written first: pages that were never written are one page of zeros.
  pool.parallel_for(blocks,
                    [&](int b, int) { std::fill_n(block(b), kBlock / sizeof(float), 1.f); });
  return best_rate(blocks, kBlock, [&](int first, int count) {
    pool.parallel_for(count, [&](int b, int) {
      sums[size_t(first + b)] = kernels().sum(block(first + b), int(kBlock / sizeof(float)));
    });
  });
}

double decoding_rate(ThreadPool& pool, WeightType type) {
  constexpr int kInner = 2048, kRows = 48;  // of a task
  const bool has_panels = type_traits(type).block > 1 && kernels().repack_panel;
  const size_t row_bytes = type_bytes(type, kInner),
               block_bytes = has_panels ? panel_bytes(type, kInner) * (kRows / kPanelRows)
                                        : row_bytes * kRows;
  const int blocks = int(kBytes / block_bytes);
  Buffer buffer(block_bytes * size_t(blocks));
  uint8_t* weights = reinterpret_cast<uint8_t*>(buffer.floats());
  // No byte is above 0x38, so every scale is an ordinary number, in panels too.
  pool.parallel_for(blocks, [&](int b, int) {
    std::memset(weights + size_t(b) * block_bytes, 0x25, block_bytes);
  });
  std::vector<float> left(kInner, 0.5f), out(size_t(blocks) * kRows), scales(kInner, 1.f);
  std::vector<uint8_t> quantized(quantized_row_bytes(kInner));
  const bool rounds = type_traits(type).block > 1;
  if (rounds) kernels().quantize_activations(left.data(), kInner, quantized.data());
  Buffer scratch(kGemmScratch * sizeof(float) * size_t(pool.threads()));
  return best_rate(blocks, block_bytes, [&](int first, int count) {
    pool.parallel_for(count, [&](int b, int thread) {
      auto fill = [&](auto& g) {
        g.type = type;
        g.weights = weights + size_t(first + b) * block_bytes;
        g.weight_row = row_bytes;
        g.out = out.data() + size_t(first + b) * kRows;
        g.out_row = kRows;
        g.rows = 1, g.cols = kRows, g.inner = kInner;
        g.scratch = scratch.floats() + size_t(thread) * kGemmScratch;
      };
      if (rounds) {
        IntegerGemm g{};
        fill(g);
        if (has_panels) g.panels = weights + size_t(first + b) * block_bytes;
        g.left = quantized.data();
        g.left_row = quantized.size();
        kernels().integer_gemm(g);
      } else {
        BlockGemm g{};
        fill(g);
        if (type == WeightType::f8_e4m3) g.scales = scales.data();
        g.left = left.data();
        g.left_row = kInner;
        kernels().block_gemm(g);
      }
    });
  });
}

}  // namespace weir
