// Everything one pass over the model needs. Without a tape nothing is recorded and no gradient
// memory is taken; with a cache, attention continues sequences instead of attending inside the
// batch only.
#pragma once
#include "base/arena.h"
#include "base/thread_pool.h"
#include "kernels/kernels.h"
#include "tensor/activation_observer.h"
#include "tensor/batch.h"
#include "tensor/cache.h"
#include "tensor/low_rank.h"
#include "tensor/routing_trace.h"
#include "tensor/tape.h"
#include "tensor/tensor.h"

namespace weir {

struct Run;

// Gives back what was taken since it was made, unless a tape's backward pass needs it.
class Temporaries {
 public:
  explicit Temporaries(Run& run);
  ~Temporaries() {
    if (arena_) arena_->rewind(mark_);
  }
  Temporaries(const Temporaries&) = delete;
  Temporaries& operator=(const Temporaries&) = delete;

 private:
  Arena* arena_;  // null: kept
  size_t mark_ = 0;
};

struct Run {
  // Everything else is set by name, or copied from another run: a list of values in order would
  // silently leave out what is added later.
  Run(Arena& arena_, ThreadPool& pool_, const Batch& batch_)
      : arena(arena_), pool(pool_), batch(batch_) {}

  Arena& arena;
  ThreadPool& pool;
  const Batch& batch;
  Cache* cache = nullptr;
  Tape* tape = nullptr;
  // Auxiliary losses (expert balance) are added here in the forward pass; their gradients are part
  // of the backward of the operation that made them, times aux_scale.
  double aux_loss = 0;
  float aux_scale = 1;  // 1 / micro-batches of the step
  RoutingUse routing = {};
  ActivationObserver* observer = nullptr;
  AdapterUse adapters = {};
  // False: products with quantized weights quantize activations to 14 bits (quantize_activations in
  // kernels.h), faster and as good; still the same bits for any batch, machine and number of
  // threads.
  bool exact = true;

  // The same computation without a tape.
  Run unrecorded() const {
    Run run = *this;
    run.tape = nullptr;
    run.aux_loss = 0;
    return run;
  }

  // Uninitialised data; the gradient, when taped, is not reached yet.
  Tensor make(int rows, int cols) {
    Tensor t{arena.floats(size_t(rows) * size_t(cols)), nullptr, nullptr, rows, cols, size_t(cols)};
    if (tape) {
      t.grad = arena.floats(size_t(rows) * size_t(cols));
      t.has_grad = arena.array<uint8_t>(1);
      *t.has_grad = 0;
    }
    return t;
  }
  // What an operation that adds to `residual` writes to. With a tape new data, since backward steps
  // read the old, and the residual's gradient; without one the residual itself.
  Tensor make_sum(const Tensor& residual) {
    if (!tape) return residual;
    return {arena.floats(size_t(residual.rows) * size_t(residual.cols)),
            residual.grad,
            residual.has_grad,
            residual.rows,
            residual.cols,
            size_t(residual.cols)};
  }
  template <class Step>
  void record(Step step) {
    if (tape) tape->record(step);
  }
};

inline Temporaries::Temporaries(Run& run) : arena_(run.tape ? nullptr : &run.arena) {
  if (arena_) mark_ = arena_->used();
}

}  // namespace weir
