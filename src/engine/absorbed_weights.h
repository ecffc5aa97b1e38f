// kv_b of every layer of a model with latent attention, in f16. Absorbed attention multiplies by it
// for every token; a quantized matrix would be decoded each time, a f16 one is widened in
// registers. Two bytes a weight: 113 MB for DeepSeek-V2-Lite, 2 GB for V3 (0.3 % of its own size in
// FP8).
#pragma once
#include <deque>
#include <memory>

#include "base/thread_pool.h"
#include "model/model.h"
#include "tensor/buffer.h"

namespace weir {

class AbsorbedWeights {
 public:
  // Null if the model has none that are worth it: those of f32, f16 and bf16 are read as they are.
  static std::shared_ptr<const AbsorbedWeights> create(const Model& model, ThreadPool& pool);
  // Null for layers without.
  const Matrix* of(int layer) const {
    return size_t(layer) < layers_.size() ? &layers_[size_t(layer)] : nullptr;
  }
  size_t bytes() const { return memory_.size(); }

 private:
  Buffer memory_;
  std::deque<Matrix> layers_;
};

}  // namespace weir
