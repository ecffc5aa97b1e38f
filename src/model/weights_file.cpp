// Weights to safetensors, under their HuggingFace names.
#include <deque>

#include "adapter/peft.h"
#include "checkpoint/gguf_names.h"
#include "config/compressed_tensors.h"
#include "config/engram.h"
#include "formats/safetensors.h"
#include "model/model.h"

namespace weir {
std::vector<NamedSlice> named_slices(const Matrix& weight) {
  std::vector<NamedSlice> slices;
  // Groups of rows of one tensor.
  if (weight.groups > 1 && !weight.is_experts())
    return {{weight.name, {uint64_t(weight.rows), uint64_t(weight.cols)}, 0, weight.count()}};
  const size_t size = weight.count() / size_t(weight.groups);
  const bool grouped = weight.is_experts();
  for (int g = 0; g < weight.groups; ++g) {
    std::vector<uint64_t> shape{uint64_t(weight.group_rows()), uint64_t(weight.cols)};
    const bool is_row = weight.name.ends_with("confidence_head.proj.weight");  // a matrix of one
    if (weight.rows == 1 && !grouped && !is_row) shape.erase(shape.begin());
    slices.push_back({expert_name(weight.name, g), std::move(shape), size * size_t(g), size});
  }
  return slices;
}

Result<std::string> save_model(const Model& model, const std::string& path) {
  if (model.trains_adapter()) return write_peft_weights(path, model.adapter(model.adapters() - 1));
  std::vector<TensorSource> tensors;
  std::deque<std::vector<int64_t>> tables;  // of experts, which are whole numbers in files
  for (const Matrix* w : model.weights()) {
    CHECK(w->parameter);
    for (NamedSlice& slice : named_slices(*w)) {
      const std::span<const float> values(w->parameter->data + slice.begin, slice.count);
      if (model.config().is_compressed() && slice.name != kEngramClasses)
        slice.name = deepseek_name(model.config(), slice.name);
      if (w->name.ends_with("tid2eid")) {
        const auto& table = tables.emplace_back(values.begin(), values.end());
        tensors.push_back({slice.name, "I64", slice.shape, std::as_bytes(std::span(table))});
      } else {
        tensors.push_back({slice.name, "F32", slice.shape, std::as_bytes(values)});
      }
    }
  }
  return write_safetensors(path, std::move(tensors), {{"format", "pt"}});
}

}  // namespace weir
