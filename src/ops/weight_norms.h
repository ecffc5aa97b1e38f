// The lengths of the rows of a projection with its adapter, which DoRA divides by.
#pragma once
#include "base/thread_pool.h"
#include "tensor/low_rank.h"

namespace weir {

// adapter.norms[o] = |W_o + scale (B A)_o|, by |W_o|^2 + 2 scale B_o (A W_o) + scale^2 B_o (A A^T)
// B_o, so that a change of A and B costs a product of `rank` rows with W. |W_o|^2 is kept from the
// first call on. A magnitude of zeros becomes the norms: the adapter changes nothing yet.
void update_norms(ThreadPool& pool, const Matrix& base, LowRank& adapter);

}  // namespace weir
