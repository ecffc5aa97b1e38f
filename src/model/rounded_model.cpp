#include "model/rounded_model.h"

#include "config/size.h"
#include "kernels/quant/quantize.h"
#include "model/build.h"

namespace weir {
namespace {

// A gate's logits are compared with each other: rounding them moves tokens to other experts, and
// its product is small.
bool is_gate(const Matrix& weight) { return weight.name.ends_with(".gate.weight"); }

}  // namespace

RoundedModel::RoundedModel(const Model& source, WeightType type)
    : type_(type), model_(ModelBuilder::unbound(source.config())) {
  const std::vector<Matrix*>& all = model_->weights();
  CHECK_EQ(all.size(), source.weights().size());
  for (size_t i = 0; i < all.size(); ++i) {
    const Matrix& from = *source.weights()[i];
    Matrix& to = *all[i];
    CHECK(from.type == WeightType::f32 && from.name == to.name);
    to.parts = from.parts;
    to.packed = from.packed;
    const bool is_multiplied = from.packed != nullptr;
    if (!is_multiplied || is_gate(from) || from.cols % type_traits(type).block != 0) continue;
    const size_t row_bytes = type_bytes(type, size_t(from.cols));
    rounded_.push_back({&from, &to, Buffer(row_bytes * size_t(from.rows))});
    const Buffer& memory = rounded_.back().memory;
    to.type = type;
    to.packed = nullptr;
    for (int g = 0; g < to.groups; ++g)
      to.parts[size_t(g)] = memory.data() + size_t(g) * size_t(to.group_rows()) * row_bytes;
  }
}

void RoundedModel::round(ThreadPool& pool) {
  for (const Rounded& rounded : rounded_) {
    const Matrix& from = *rounded.from;
    const size_t row_bytes = type_bytes(type_, size_t(from.cols));
    pool.parallel_for(from.rows, [&](int r, int) {
      const float* row = from.f32(0) + size_t(r) * size_t(from.cols);
      quantize_row(type_, row, nullptr, size_t(from.cols),
                   rounded.memory.data() + size_t(r) * row_bytes);
    });
  }
  // Panels copy the rows when a product first reads them.
  if (!Panels::suit(type_)) return;
  panels_.clear();
  for (const Rounded& rounded : rounded_) rounded.to->panels = &panels_.emplace_back(*rounded.to);
}

double RoundedModel::bytes_of(const ModelConfig& config, WeightType type) {
  const double share = double(type_bytes(type, 256)) / (256 * sizeof(float));
  return 2 * share * inference_memory(config, sizeof(float), 1, false).weights;
}

}  // namespace weir
