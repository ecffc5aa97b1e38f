#include "engine/absorbed_weights.h"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "base/div_up.h"
#include "kernels/quant/narrow_floats.h"

namespace weir {

std::shared_ptr<const AbsorbedWeights> AbsorbedWeights::create(const Model& model,
                                                               ThreadPool& pool) {
  const ModelConfig& config = model.config();
  if (config.attention != AttentionKind::mla) return nullptr;
  std::vector<const Matrix*> sources;
  size_t count = 0;
  for (int layer = 0; layer < config.num_hidden_layers; ++layer) {
    const Matrix* source =
        model.find(fmt::format("model.layers.{}.self_attn.kv_b_proj.weight", layer));
    if (!source || source->type == WeightType::f32 || source->type == WeightType::f16 ||
        source->type == WeightType::bf16)
      return nullptr;
    sources.push_back(source);
    count += source->count();
  }
  auto made = std::make_shared<AbsorbedWeights>();
  made->memory_ = Buffer(count * sizeof(uint16_t));
  auto* next = reinterpret_cast<uint16_t*>(made->memory_.data());
  for (const Matrix* source : sources) {
    Matrix& matrix = made->layers_.emplace_back();
    matrix.name = source->name;
    matrix.type = WeightType::f16;
    matrix.rows = source->rows;
    matrix.cols = source->cols;
    matrix.parts = {next};
    next += source->count();
  }
  const int per_layer = sources[0]->rows, cols = sources[0]->cols;
  constexpr int kRows = 64;
  const int parts = div_up(per_layer, kRows);
  pool.parallel_for(int(sources.size()) * parts, [&](int task, int) {
    const Matrix& source = *sources[size_t(task / parts)];
    const Matrix& to = made->layers_[size_t(task / parts)];
    std::vector<float> decoded(static_cast<size_t>(cols));
    const int first = task % parts * kRows;
    for (int r = first; r < std::min(first + kRows, source.rows); ++r) {
      const float* row = source.row(r, decoded.data());
      auto* out = static_cast<uint16_t*>(const_cast<void*>(to.parts[0])) + size_t(r) * size_t(cols);
      for (int c = 0; c < cols; ++c) out[c] = f32_to_f16(row[c]);
    }
  });
  return made;
}

}  // namespace weir
