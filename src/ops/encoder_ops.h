// The operations that only encoders (BERT) have; the others are in ops.h. Inference only: no tape.
// In f32 each output element is one fixed-order chain here too.
#pragma once
#include "ops/ops.h"

namespace weir {

// y[t] = table[token t] + places[position t] + kind, whose one row is added to all (Devlin et al.
// 2019, section 3: of one sentence all tokens are of the first kind).
Tensor embed_placed(Run& run, const Matrix& table, const Matrix& places, const Matrix& kind);

// y = layer_norm(residual + x), as after the parts of a block in Vaswani et al. 2017; written into
// the residual.
Tensor add_layer_norm(Run& run, Tensor residual, Tensor x, const Matrix& gain, const Matrix& bias,
                      float epsilon);

// x = x * Phi(x) in place, Phi the distribution function of the standard normal distribution
// (Hendrycks and Gimpel 2016). Phi to a relative error of 5e-7, x^2 / 2 times the rounding of f32
// added.
Tensor gelu(Run& run, Tensor x);

// attend() of each segment of the batch over the whole of itself, before and behind every token. No
// cache, no branches, no shared keys.
Tensor attend_all(Run& run, Tensor q, Tensor keys, Tensor values, const AttentionShape& shape);

}  // namespace weir
