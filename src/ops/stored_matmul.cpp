#include "ops/stored_matmul.h"

#include <algorithm>
#include <cstring>

#include "base/check.h"

namespace weir {
namespace {

// Weight rows of one task: enough to be worth the call, few enough to share among the threads.
constexpr int kTaskRows = 32;

// The scales of a group's row `row` and those after it.
size_t scales_per_row(const Weight& w) {
  return (size_t(w.cols) + kScaleSquare - 1) / kScaleSquare;
}

BlockGemm product(const Weight& w, int group) {
  BlockGemm g{};
  g.type = w.type;
  g.weights = w.stored[size_t(group)];
  g.weight_row = type_bytes(w.type, size_t(w.cols));
  if (w.type == WeightType::f8_e4m3) g.scales = w.scales[size_t(group)];
  g.scales_row = scales_per_row(w);
  g.inner = w.cols;
  return g;
}

}  // namespace

void stored_multiply(Workers workers, int first, int count, const int* begin, Rows x,
                     const int* gather, const Weight& w, Rows out, bool accumulate) {
  ArenaScope scope(*workers.arena);
  float* scratch = workers.arena->floats(kGemmScratch * size_t(workers.pool->threads()));
  int* busy = workers.arena->array<int>(size_t(count));
  int groups = 0;
  for (int i = 0; i < count; ++i)
    if (begin[i + 1] > begin[i]) busy[groups++] = i;
  const int tasks = (w.group_rows() + kTaskRows - 1) / kTaskRows;
  workers.pool->parallel_for(groups * tasks, [&](int task, int thread) {
    const int i = busy[task / tasks], row = task % tasks * kTaskRows;
    BlockGemm g = product(w, first + i);
    g.weights = static_cast<const char*>(g.weights) + size_t(row) * g.weight_row;
    g.first = row;
    g.cols = std::min(kTaskRows, w.group_rows() - row);
    g.rows = begin[i + 1] - begin[i];
    g.left = gather ? x.data : x.data + size_t(begin[i]) * x.stride;
    g.left_row = x.stride;
    g.left_rows = gather ? gather + begin[i] : nullptr;
    g.out = out.data + size_t(begin[i]) * out.stride + row;
    g.out_row = out.stride;
    g.accumulate = accumulate;
    g.scratch = scratch + size_t(thread) * kGemmScratch;
    kernels().block_gemm(g);
  });
}

void stored_multiply_transposed(Workers workers, int first, int count, const int* begin, Rows dy,
                                const Weight& w, Rows dx, bool accumulate) {
  // Threads share the rows of dx; every one decodes the weight for its own.
  constexpr int kRows = 16;
  ArenaScope scope(*workers.arena);
  const size_t width = (size_t(w.cols) + 15) / 16 * 16;
  float* scratch = workers.arena->floats(width * size_t(workers.pool->threads()));
  for (int i = 0; i < count; ++i)
    for_chunks(*workers.pool, begin[i + 1] - begin[i], kRows, [&](int from, int to, int thread) {
      float* values = scratch + size_t(thread) * width;
      for (int m = begin[i] + from; m < begin[i] + to && !accumulate; ++m)
        std::memset(dx.data + size_t(m) * dx.stride, 0, sizeof(float) * size_t(w.cols));
      for (int n = 0; n < w.group_rows(); ++n) {
        const float* row = w.row((first + i) * w.group_rows() + n, values);
        for (int m = begin[i] + from; m < begin[i] + to; ++m)
          kernels().axpy(dy.data[size_t(m) * dy.stride + size_t(n)], row,
                         dx.data + size_t(m) * dx.stride, w.cols);
      }
    });
}

}  // namespace weir
