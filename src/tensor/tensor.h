// Activations: rank-2 views, one row per token. Copying a Tensor copies the handle; the memory
// belongs to the arena of the pass.
#pragma once
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "base/check.h"

namespace weir {

struct Tensor {
  float* data = nullptr;
  float* grad = nullptr;  // same layout as data; null when nothing is being trained
  // Whether grad holds a value yet: the first consumer to run its backward stores, later ones add,
  // so no gradient is ever cleared. Shared by all handles and views; null when grad is.
  uint8_t* has_grad = nullptr;
  int rows = 0, cols = 0;
  size_t stride = 0;

  float* row(int r) const { return data + size_t(r) * stride; }
  float* grad_row(int r) const { return grad + size_t(r) * stride; }

  // Columns [begin, begin + count) as a tensor: heads and splits need no operation. A view can not
  // store first on behalf of its whole, so the gradient is cleared here and everybody adds.
  Tensor columns(int begin, int count) const {
    CHECK_LE(begin + count, cols);
    if (has_grad && !*has_grad) {
      for (int r = 0; r < rows; ++r) std::memset(grad_row(r), 0, sizeof(float) * size_t(cols));
      *has_grad = 1;
    }
    return {data + begin, grad ? grad + begin : nullptr, has_grad, rows, count, stride};
  }

  // The same numbers in rows of another length: heads as rows, and back. The rows of this tensor
  // stand one behind the other.
  Tensor folded(int width) const {
    CHECK_EQ(stride, size_t(cols));
    CHECK_EQ(size_t(rows) * size_t(cols) % size_t(width), 0u);
    const size_t count = size_t(rows) * size_t(cols) / size_t(width);
    return {data, grad, has_grad, int(count), width, size_t(width)};
  }

  // For backward passes: true when the caller must add to grad, false when it must store (once).
  bool accumulate() const {
    bool add = *has_grad != 0;
    *has_grad = 1;
    return add;
  }
  // Whether any gradient reached this tensor; a producer without one has nothing to do.
  bool reached() const { return has_grad && *has_grad; }
};

// Rows of a tensor quantized for products in integers (kernels.h, round_left).
struct QuantizedRows {
  const uint8_t* data = nullptr;  // null: not made
  size_t row_bytes = 0;
};

}  // namespace weir
