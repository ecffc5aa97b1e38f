// SwiGLU and rotary positions: the element-wise operations.
#include "ops/matmul.h"
#include "ops/ops.h"
#include "ops/window_ops.h"

namespace weir {

namespace {

// gate and up of a row as they count, in `to` [2 n].
struct Limited {
  const float *gate, *up;
  Limited(const float* g, const float* u, float limit, float* to, int n) : gate(g), up(u) {
    if (limit <= 0) return;
    for (int i = 0; i < n; ++i) {
      to[i] = g[i] < limit ? g[i] : limit;
      to[n + i] = u[i] < -limit ? -limit : u[i] < limit ? u[i] : limit;
    }
    gate = to, up = to + n;
  }
};

// What is beyond a limit passes no gradient.
void swiglu_backward_row(const float* g, const float* u, float limit, const float* dy, float* dg,
                         float* du, bool add, int n, float* room) {
  if (limit <= 0) return kernels().swiglu_backward(g, u, dy, dg, du, add, n);
  const Limited in(g, u, limit, room, n);
  float *slope_g = room + 2 * n, *slope_u = room + 3 * n;
  kernels().swiglu_backward(in.gate, in.up, dy, slope_g, slope_u, false, n);
  for (int i = 0; i < n; ++i) {
    const float a = g[i] > limit ? 0 : slope_g[i];
    const float b = u[i] > limit || u[i] < -limit ? 0 : slope_u[i];
    dg[i] = add ? dg[i] + a : a;
    du[i] = add ? du[i] + b : b;
  }
}

// Of a thread: what the functions above need.
size_t swiglu_room(float limit, int n, ThreadPool& pool) {
  return limit > 0 ? 4 * size_t(n) * size_t(pool.threads()) : 0;
}

}  // namespace

Tensor swiglu(Run& run, Tensor gate, Tensor up, float limit) {
  const Zone zone("swiglu");
  CHECK_EQ(gate.cols, up.cols);
  CHECK_EQ(gate.rows, up.rows);
  Tensor y = run.make(gate.rows, gate.cols);
  const int n = y.cols;
  {
    ArenaScope scope(run.arena);
    float* rooms = run.arena.floats(swiglu_room(limit, n, run.pool));
    for_chunks(run.pool, y.rows, row_grain(n), [&](int begin, int end, int thread) {
      float* room = rooms + 4 * size_t(n) * size_t(thread);
      for (int t = begin; t < end; ++t) {
        const Limited in(gate.row(t), up.row(t), limit, room, n);
        kernels().swiglu(in.gate, in.up, y.row(t), n);
      }
    });
  }
  run.record([gate, up, y, n, limit, workers = Workers{&run.arena, &run.pool}] {
    if (!y.reached()) return;
    bool add = gate.accumulate();
    CHECK_EQ(add, up.accumulate());  // both come from the same pair of projections
    ArenaScope scope(*workers.arena);
    float* rooms = workers.arena->floats(swiglu_room(limit, n, *workers.pool));
    for_chunks(*workers.pool, y.rows, row_grain(n), [&](int begin, int end, int thread) {
      for (int t = begin; t < end; ++t)
        swiglu_backward_row(gate.row(t), up.row(t), limit, y.grad_row(t), gate.grad_row(t),
                            up.grad_row(t), add, n, rooms + 4 * size_t(n) * size_t(thread));
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
  rope_at(run, x, head_width, table, run.batch.positions().data(), 1);
}

void rope_at(Run& run, Tensor x, int head_width, const RopeTable& table, const int* positions,
             float direction) {
  const Zone zone("rope");
  CHECK_EQ(x.cols % head_width, 0);
  CHECK_LE(table.width, head_width);
  run.pool.run_here([&] {
    for (int t = 0; t < x.rows; ++t) CHECK_LT(positions[t], table.positions);
  });
  rotate(run.pool, x.data, x, head_width, table, positions, direction);
  // A rotation's transpose is the opposite rotation; the gradient turns in place as the values did.
  run.record([x, head_width, table, positions, direction, pool = &run.pool] {
    if (x.reached()) rotate(*pool, x.grad, x, head_width, table, positions, -direction);
  });
}

}  // namespace weir
