// The seam for training on several machines: each rank computes the gradients of its share of a
// step's rows, the communicator adds them up, and every rank makes the same update. Counts of rows,
// losses and expert loads are those of the rank; whoever divides a step among ranks weighs the
// objectives by the rows of all.
#pragma once
#include <span>

#include "base/result.h"

namespace weir {

class Communicator {
 public:
  virtual ~Communicator() = default;
  // Replaces `values` by their sum over all ranks, with the same bits on every rank. All ranks call
  // it equally often with equally many values.
  virtual Result<void> sum(std::span<float> values) = 0;
};

}  // namespace weir
