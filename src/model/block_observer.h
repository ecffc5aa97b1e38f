// A callback on what the blocks of a model compute: probes read hidden states there.
#pragma once
#include "tensor/tensor.h"

namespace weir {

class BlockObserver {
 public:
  virtual ~BlockObserver() = default;
  // After block `block`, from 0: the residual stream, [tokens of the batch, hidden]. The next block
  // writes to the same memory.
  virtual void observe(int block, const Tensor& x) = 0;
};

}  // namespace weir
