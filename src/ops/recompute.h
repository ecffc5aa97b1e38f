// Recomputation of a block: see ops.h.
#pragma once
#include <cstring>
#include <new>
#include <type_traits>

#include "tensor/run.h"

namespace weir {

template <class Body>
Tensor recompute(Run& run, const Body& body, Tensor x) {
  static_assert(std::is_trivially_copyable_v<Body>, "capture pointers and handles only");
  if (!run.tape) return body(run, x);
  Tensor y = run.make(x.rows, x.cols);
  {
    // The body adds to its input in place (ops.h), and x is needed again.
    for (int r = 0; r < y.rows; ++r)
      std::memcpy(y.row(r), x.row(r), sizeof(float) * size_t(y.cols));
    ArenaScope scope(run.arena);
    Run quiet = run.unrecorded();
    Tensor input = y;
    input.grad = nullptr, input.has_grad = nullptr;
    Tensor result = body(quiet, input);
    for (int r = 0; r < y.rows && result.data != y.data; ++r)
      std::memcpy(y.row(r), result.row(r), sizeof(float) * size_t(y.cols));
    run.aux_loss += quiet.aux_loss;
  }
  run.record([x, y, body, as_before = run.unrecorded()] {
    if (!y.reached()) return;
    ArenaScope scope(as_before.arena);
    Tape inner(as_before.arena);
    Run again = as_before;
    again.tape = &inner;
    // Cache, routing trace and observer have had these rows.
    again.cache = nullptr;
    again.routing.own = nullptr;
    again.observer = nullptr;
    Tensor result = body(again, x);
    // The body's output may share its gradient with x (residual stream): then x must start from dy.
    bool add = result.accumulate();
    for (int r = 0; r < y.rows; ++r) {
      float* to = result.grad_row(r);
      if (!add)
        std::memcpy(to, y.grad_row(r), sizeof(float) * size_t(y.cols));
      else
        for (int c = 0; c < y.cols; ++c) to[c] += y.grad_row(r)[c];
    }
    inner.backward();
  });
  return y;
}

}  // namespace weir
