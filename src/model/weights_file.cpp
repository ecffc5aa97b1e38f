// Weights to safetensors, under their HuggingFace names.
#include "adapter/peft.h"
#include "checkpoint/gguf_names.h"
#include "formats/safetensors.h"
#include "model/model.h"

namespace weir {
std::vector<NamedSlice> named_slices(const Matrix& weight) {
  std::vector<NamedSlice> slices;
  const size_t size = weight.count() / size_t(weight.groups);
  const bool grouped = weight.name.find("{}") != std::string::npos;
  for (int g = 0; g < weight.groups; ++g) {
    std::vector<uint64_t> shape{uint64_t(weight.group_rows()), uint64_t(weight.cols)};
    if (weight.rows == 1 && !grouped) shape.erase(shape.begin());
    slices.push_back({expert_name(weight.name, g), std::move(shape), size * size_t(g), size});
  }
  return slices;
}

Result<std::string> save_model(const Model& model, const std::string& path) {
  if (model.trains_adapter()) return write_peft_weights(path, model.adapter(model.adapters() - 1));
  std::vector<TensorSource> tensors;
  for (const Matrix* w : model.weights()) {
    CHECK(w->parameter);
    for (NamedSlice& slice : named_slices(*w))
      tensors.push_back(
          {slice.name, "F32", slice.shape,
           std::as_bytes(std::span<const float>(w->parameter->data + slice.begin, slice.count))});
  }
  return write_safetensors(path, std::move(tensors), {{"format", "pt"}});
}

}  // namespace weir
