// A layer's experts that are read when a router has chosen them (tensor/expert_cache.h): those in
// memory are computed first, then each as it arrives. The numbers are those of expert_linear().
#pragma once
#include "ops/ops.h"
#include "tensor/expert_cache.h"

namespace weir {

// Where the experts of a layer come from; a null cache: from their matrices.
struct ExpertSource {
  ExpertCache* cache = nullptr;
  int layer = 0;  // of the cache
  explicit operator bool() const { return cache != nullptr; }
};

// The projections of every expert, one group each.
struct ExpertProjections {
  const Linear &gate, &up, &down;
  float limit = 0;  // of swiglu()
};

// Outputs of all experts for the rows that chose them, [tokens * per_token, hidden], in the order
// in which they were computed: `routing` is changed so that combine() finds them. `visit` has begun
// with this routing. Rows of an expert that could not be read are NaN. Without a tape only.
Tensor streamed_experts(Run& run, const Input& input, Routing& routing,
                        const ExpertProjections& projections, ExpertCache::Visit& visit);

}  // namespace weir
