// What every loss at the end of the tape shares: rows with a target, in chunks, so that the logits
// of a whole batch never exist, and the gradients of hidden states and head made in the same chunk.
#pragma once
#include <span>

#include "ops/matmul.h"
#include "tensor/run.h"

namespace weir {

// What the loss of a chunk is. Called in order of the rows, from the thread of the operation.
class ChunkLoss {
 public:
  virtual ~ChunkLoss() = default;
  // Once, before the first chunk: scratch for at most `rows` rows comes from the run's arena.
  virtual void prepare(Run& run, int rows, int vocabulary) = 0;
  // `picked`: rows of the batch; `logits` [picked, vocabulary]. With a tape the logits become the
  // gradient of the loss by them, in place.
  virtual void evaluate(Run& run, std::span<const int> picked, Rows logits) = 0;
};

// Rows with target < 0 are left out: they have no loss and a gradient of 0.
void chunked_loss(Run& run, Tensor x, const Matrix& head, std::span<const int> targets,
                  ChunkLoss& loss);

}  // namespace weir
