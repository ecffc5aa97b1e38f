// Matrix products of the operations: kernels().gemm over blocks of rows and panels, spread over
// threads. Which thread takes which block never changes a bit (kernels.h), so blocks follow cache
// sizes only.
#pragma once
#include "base/arena.h"
#include "base/div_up.h"
#include "base/thread_pool.h"
#include "kernels/kernels.h"
#include "tensor/matrix.h"

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

// out (+)= x W^T for group `group` of w: out [rows, group_rows]. gather: source row of each out
// row.
void multiply(Workers workers, Rows x, const int* gather, const Matrix& w, int group, Rows out,
              bool accumulate);
// dx (+)= dy W.
void multiply_transposed(Workers workers, Rows dy, const Matrix& w, int group, Rows dx,
                         bool accumulate);
// dW += dy^T x, for x rows optionally gathered.
void accumulate_outer(Workers workers, Rows dy, Rows x, const int* gather, float* gradient);

// The three products for every non-empty group at once, so that small experts share the threads
// evenly. gather may be null; for grouped_multiply it maps grouped rows to rows of x.
void grouped_multiply(Workers workers, const int* begin, Rows x, const int* gather, const Matrix& w,
                      Rows out, bool accumulate);
void grouped_multiply_transposed(Workers workers, const int* begin, Rows dy, const Matrix& w,
                                 Rows dx, bool accumulate);
void grouped_accumulate_outer(Workers workers, const int* begin, Rows dy, Rows x, const int* gather,
                              const Matrix& w);

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
