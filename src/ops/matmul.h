// Matrix products of the operations, cut into tiles of rows and columns that are spread over
// threads. Which thread takes which tile never changes a bit (kernels.h), so tiles follow cache
// sizes only.
#pragma once
#include "base/arena.h"
#include "base/div_up.h"
#include "base/thread_pool.h"
#include "kernels/kernels.h"
#include "tensor/matrix.h"
#include "tensor/tensor.h"

namespace weir {

// The resources an operation and its recorded backward share.
struct Workers {
  Arena* arena;
  ThreadPool* pool;
  bool exact = true;  // of Run
};

// A row-major matrix of activations.
struct Rows {
  float* data;
  size_t stride;
  int rows, cols;
};
inline Rows data_of(const Tensor& t) { return {t.data, t.stride, t.rows, t.cols}; }
inline Rows grad_of(const Tensor& t) { return {t.grad, t.stride, t.rows, t.cols}; }

// Whether products with `w` read quantized activations.
bool reads_quantized(Workers workers, const Matrix& w);
// All rows of x as integer products read them, in the arena.
QuantizedRows quantize_rows(Workers workers, Rows x);

// The left operand of a product: activation rows.
struct Activations {
  Rows rows;
  const int* gather = nullptr;   // the row of `rows` for each row of the product; null: the same
  QuantizedRows quantized = {};  // of `rows`, if made before; else a product that reads it makes it
};

// Which rows of a product belong to which group of its matrix.
struct Groups {
  int first = 0, count = 1;
  const int* begin = nullptr;  // [count + 1] first row of each group; null: all rows are of `first`
};

// out (+)= x W^T: out [rows, group_rows]. The groups share the threads evenly, however small.
void multiply(Workers workers, const Activations& x, const Matrix& w, const Groups& groups,
              Rows out, bool accumulate);
// dx (+)= dy W.
void multiply_transposed(Workers workers, Rows dy, const Matrix& w, const Groups& groups, Rows dx,
                         bool accumulate);
// dW += dy^T x for each group; `gradient` is that of group `first`, the others follow it.
void accumulate_outer(Workers workers, Rows dy, const Activations& x, const Groups& groups,
                      float* gradient);

// Calls body(begin, end, thread) over [0, count) in chunks of `grain` (fixed, so that per-chunk
// partial results do not depend on the threads).
template <class Body>
void for_chunks(ThreadPool& pool, int count, int grain, const Body& body) {
  int chunks = div_up(count, grain);
  pool.parallel_for(chunks, [&](int chunk, int thread) {
    int begin = chunk * grain;
    body(begin, begin + grain < count ? begin + grain : count, thread);
  });
}

// Rows per chunk for element-wise work on rows of `cols` floats: about 32 KiB of data.
inline int row_grain(int cols) {
  int rows = 8192 / (cols > 0 ? cols : 1);
  return rows < 4 ? 4 : rows;
}

}  // namespace weir
