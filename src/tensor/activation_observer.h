// Whoever wants to see what meets the weights of a pass, such as the importance of columns.
#pragma once
#include "tensor/tensor.h"

namespace weir {

struct Weight;

class ActivationObserver {
 public:
  virtual ~ActivationObserver() = default;
  // Before x W^T: the rows of x. For experts, rows may come once though several experts chose them.
  virtual void observe(const Weight& weight, const Tensor& x) = 0;
};

}  // namespace weir
