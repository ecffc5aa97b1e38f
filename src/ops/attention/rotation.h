// The orthogonal transform before a vector is cut into codes: fixed random signs, then a Hadamard
// matrix (H H^T = n), divided by sqrt(n). It spreads what a few coordinates have over all, so that
// one scale suits them (Chee et al. 2023, QuIP; Ashkboos et al. 2024, QuaRot). Products of two
// rotated vectors are those of the vectors.
#pragma once
#include "tensor/cache_layout.h"

namespace weir {

// Each part of `vector` by itself, in place. x: [vector.width].
void rotate(const CacheVector& vector, float* x);
// The inverse.
void rotate_back(const CacheVector& vector, float* x);

}  // namespace weir
