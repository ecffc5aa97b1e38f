// Losses of drafted blocks (DSpark, model/dspark.h), over logits that exist as a whole. Both end
// the tape: the gradient is made at once where there is a tape.
#pragma once
#include <span>

#include "ops/ops.h"

namespace weir {

// The sum over rows with a target >= 0 of weights[row] * -log softmax(logits[row])[target].
// LossSum::negative_log is the same sum without weights.
LossSum weighted_cross_entropy(Run& run, Tensor logits, std::span<const int> targets,
                               std::span<const float> weights);

// The sum over rows with a label of 0 or 1 (others are left out) of weights[row] times the cross
// entropy of sigmoid(scores[row][0]) with the label.
double weighted_binary_entropy(Run& run, Tensor scores, std::span<const int> labels,
                               std::span<const float> weights);

}  // namespace weir
