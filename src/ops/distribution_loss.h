// The end of the tape for losses that read a row's whole distribution rather than the target's
// log-probability: distillation from a teacher, entropy. docs/distillation.md
#pragma once
#include <span>

#include "ops/ops.h"

namespace weir {

struct DistributionRow {
  int index;                // in the batch
  int target;               // the token that follows
  std::span<float> logits;  // [vocabulary], times the inverse temperature
};

// What the loss of a row is, as a function of its logits.
class DistributionObjective {
 public:
  virtual ~DistributionObjective() = default;
  // Before the rows of a chunk, in order of the batch, from the operation's own thread; for work
  // that is done for many rows together. Scratch is the objective's own.
  virtual void begin(Run& run, std::span<const int> rows) { (void)run, (void)rows; }
  // The loss of one row. `place`: its place among the rows of begin(). With `with_gradient` the
  // logits become d loss / d logits, else they are left in any state. Called once per row, from any
  // thread.
  virtual double evaluate(const DistributionRow& row, size_t place, bool with_gradient) = 0;
};

// The sum of the objective over rows with target >= 0; the others are left out. Works in chunks of
// rows like token_loss(): the logits of a batch never exist, and with a tape the gradients of x and
// of the head are made in the same chunk. LossSum::negative_log stays 0.
LossSum distribution_loss(Run& run, Tensor x, const Matrix& head, std::span<const int> targets,
                          DistributionObjective& objective, float inverse_temperature = 1);

// Of a row of logits: log softmax at the target, bit for bit as token_loss() has it, and the
// entropy in nats. Destroys the logits.
struct RowFacts {
  float log_probability = 0, entropy = 0;
};
RowFacts row_facts(std::span<float> logits, int target);

}  // namespace weir
