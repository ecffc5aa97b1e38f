// SwiGLU and rotary positions: the element-wise operations.
#include "ops/matmul.h"
#include "ops/ops.h"

namespace weir {

Tensor swiglu(Run& run, Tensor gate, Tensor up) {
  const Zone zone("swiglu");
  CHECK_EQ(gate.cols, up.cols);
  CHECK_EQ(gate.rows, up.rows);
  Tensor y = run.make(gate.rows, gate.cols);
  for_chunks(run.pool, y.rows, row_grain(y.cols), [&](int begin, int end, int) {
    for (int t = begin; t < end; ++t) kernels().swiglu(gate.row(t), up.row(t), y.row(t), y.cols);
  });
  run.record([gate, up, y, pool = &run.pool] {
    if (!y.reached()) return;
    bool add = gate.accumulate();
    CHECK_EQ(add, up.accumulate());  // both come from the same pair of projections
    for_chunks(*pool, y.rows, row_grain(y.cols), [&](int begin, int end, int) {
      for (int t = begin; t < end; ++t)
        kernels().swiglu_backward(gate.row(t), up.row(t), y.grad_row(t), gate.grad_row(t),
                                  up.grad_row(t), add, y.cols);
    });
  });
  return y;
}

namespace {

void rotate(ThreadPool& pool, float* base, const Tensor& x, int head_width, const RopeTable& table,
            const int* positions, float direction) {
  auto turn = table.interleaved ? kernels().rope_interleaved : kernels().rope_half;
  for_chunks(pool, x.rows, row_grain(x.cols), [&](int begin, int end, int) {
    for (int t = begin; t < end; ++t) {
      size_t angle = size_t(positions[t]) * size_t(table.width / 2);
      float* row = base + size_t(t) * x.stride;
      for (int h = table.leading ? 0 : head_width - table.width; h < x.cols; h += head_width)
        turn(row + h, table.cos + angle, table.sin + angle, direction, table.width);
    }
  });
}

}  // namespace

void rope(Run& run, Tensor x, int head_width, const RopeTable& table) {
  const Zone zone("rope");
  CHECK_EQ(x.cols % head_width, 0);
  CHECK_LE(table.width, head_width);
  const int* positions = run.batch.positions().data();
  for (int t = 0; t < x.rows; ++t) CHECK_LT(positions[t], table.positions);
  rotate(run.pool, x.data, x, head_width, table, positions, 1);
  // A rotation's transpose is the opposite rotation; the gradient turns in place as the values did.
  run.record([x, head_width, table, positions, pool = &run.pool] {
    if (x.reached()) rotate(*pool, x.grad, x, head_width, table, positions, -1);
  });
}

}  // namespace weir
