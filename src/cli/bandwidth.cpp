#include "cli/bandwidth.h"

#include <algorithm>
#include <cstring>
#include <vector>

#include "base/clock.h"
#include "base/memory.h"
#include "base/topology.h"
#include "tensor/buffer.h"

namespace weir {
namespace {

// A probe is one part of a buffer that is larger than the caches; when it is its turn again, the
// other parts have displaced it.
constexpr size_t kBytes = size_t(96) << 20, kReadBytesMax = size_t(1) << 30;
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

size_t probe_bytes() {
  const double room = available_memory() / 8;
  size_t bytes = std::min(kReadBytesMax, std::max(kBytes, 2 * read_topology().cache_bytes));
  if (room > 0 && room < double(bytes)) bytes = std::max(kBytes, size_t(room));
  return bytes;
}

// Reads every byte and returns their sum in words; eight sums, so that none waits for another.
uint64_t read_words(const char* bytes, size_t size) {
  typedef uint64_t Words __attribute__((vector_size(16)));
  Words sums[8] = {};
  const Words* words = reinterpret_cast<const Words*>(bytes);
  for (size_t i = 0; i < size / sizeof(Words); i += 8)
    for (size_t k = 0; k < 8; ++k) sums[k] += words[i + k];
  uint64_t all = 0;
  for (const Words& sum : sums) all += sum[0] + sum[1];
  return all;
}

}  // namespace

double memory_bandwidth(ThreadPool& pool) {
  constexpr size_t kBlock = size_t(256) << 10;
  const int blocks = int(probe_bytes() / kBlock);
  Buffer buffer(size_t(blocks) * kBlock);
  std::vector<uint64_t> sums(static_cast<size_t>(blocks));
  auto block = [&](int b) { return buffer.data() + size_t(b) * kBlock; };
  // Written first: pages that were never written are one page of zeros.
  pool.parallel_for(blocks, [&](int b, int) { std::memset(block(b), 1, kBlock); });
  return best_rate(blocks, kBlock, [&](int first, int count) {
    pool.parallel_for(
        count, [&](int b, int) { sums[size_t(first + b)] = read_words(block(first + b), kBlock); });
  });
}

double decoding_rate(ThreadPool& pool, WeightType type) {
  constexpr int kInner = 2048, kRows = 48;  // of a task
  const bool has_panels = has_integer_products(type) && kernels().repack_panel;
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
  const bool rounds = has_integer_products(type);
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
        if (has_scale_squares(type)) g.scales = scales.data();
        g.left = left.data();
        g.left_row = kInner;
        kernels().block_gemm(g);
      }
    });
  });
}

}  // namespace weir
