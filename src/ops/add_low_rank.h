// What adapters add to a projection's output: see ops.h, Linear. In f32 whatever the base's weights
// are, and every row by itself, so that its bits do not depend on the adapters of other rows.
#pragma once
#include "ops/ops.h"

namespace weir {

// y[t] += scale (x[t] A^T) B^T, or with magnitudes (DoRA) what takes y[t] there, for every row
// whose adapter has this projection. Called before the projection records its own backward, which
// then runs first and is the one that stores dx.
void add_low_rank(Run& run, Tensor x, Tensor y, const Linear& projection);

// The same for the grouped rows of experts; `gather` (may be null: x is grouped): the row of x of
// each. Rows of several adapters only without a tape.
void add_expert_low_rank(Run& run, Tensor x, const int* gather, Tensor y, const Routing& routing,
                         const Linear& projection);

}  // namespace weir
