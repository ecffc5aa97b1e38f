// A callback on the inputs of every product with a weight, such as for an importance matrix.
#pragma once
#include "tensor/tensor.h"

namespace weir {

struct Matrix;

class ActivationObserver {
 public:
  virtual ~ActivationObserver() = default;
  // Before x W^T: the rows of x. For experts, rows may come once though several experts chose them.
  virtual void observe(const Matrix& weight, const Tensor& x) = 0;
};

}  // namespace weir
