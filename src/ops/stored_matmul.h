// Matrix products with weights that stay as their file has them (all types but f32): what matmul.h
// promises, by kernels().block_gemm. Such weights are frozen.
#pragma once
#include "ops/matmul.h"

namespace weir {

// out (+)= x W^T (of rounded x, unless workers.exact, where w is quantized) over groups [first,
// first + count) of w: group first + i has the rows [begin[i], begin[i + 1]) of out and, through
// `gather` if there is one, of x.
void stored_multiply(Workers workers, int first, int count, const int* begin, Rows x,
                     const int* gather, const Matrix& w, Rows out, bool accumulate);
// dx (+)= dy W, for the same groups.
void stored_multiply_transposed(Workers workers, int first, int count, const int* begin, Rows dy,
                                const Matrix& w, Rows dx, bool accumulate);

}  // namespace weir
