// Weights from a checkpoint: read into memory, or left where they are.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <cmath>
#include <cstdint>
#include <set>

#include "adapter/adapter_folder.h"
#include "adapter/lora.h"
#include "adapter/peft.h"
#include "base/div_up.h"
#include "base/file.h"
#include "base/memory.h"
#include "checkpoint/checkpoint.h"
#include "checkpoint/gguf_names.h"
#include "checkpoint/packed_weights.h"
#include "checkpoint/row_scales.h"
#include "config/engram.h"
#include "model/build.h"
#include "model/model.h"
#include "tensor/panels.h"

namespace weir {
namespace {

// The shares of free memory that packed copies of f32 weights and repacked ones of quantized
// weights may take. The latter take the place of the mapped file.
constexpr double kPackedShare = 0.5, kPanelsShare = 0.85;

Result<void> check_finite(const StoredTensor& tensor, const float* values) {
  for (uint64_t i = 0; i < tensor.count(); ++i)
    if (!std::isfinite(values[i]))
      return Error{
          fmt::format("{}: holds a value that is not finite at element {}; the file is "
                      "damaged or its training diverged",
                      tensor.place, i)};
  return {};
}

Result<void> decode_finite(const StoredTensor& tensor, float* to) {
  decode(tensor, to);
  return check_finite(tensor, to);
}

// Rows of q_proj and k_proj in HuggingFace's order, from the order of GGUF's llama.
void restore_rope_rows(const Parameter& weight, int head_dim) {
  const size_t width = size_t(weight.rows > 1 ? weight.cols : 1);
  const size_t rows = weight.count() / width;
  const std::vector<float> permuted(weight.data, weight.data + weight.count());
  for (size_t r = 0; r < rows; ++r)
    std::copy_n(permuted.data() + Checkpoint::permuted_row(r, size_t(head_dim)) * width, width,
                weight.data + r * width);
}

// Blocks of a matrix whose codes and scales lie apart in the file.
Result<void> join_blocks(const StoredTensor& tensor, std::byte* blocks) {
  if (tensor.type != WeightType::mxfp4)
    return Error{tensor.place +
                 ": has a scale for every 32 columns of a row; only tables do, which are not "
                 "multiplied"};
  const size_t row_bytes = type_bytes(tensor.type, tensor.columns());
  for (uint64_t row = 0; row < tensor.rows(); ++row)
    if (!join_row(tensor, row, blocks + row * row_bytes))
      return Error{fmt::format("{}: a scale of row {} is not a number; the file is damaged",
                               tensor.place, row)};
  return {};
}

bool is_aligned(const std::byte* data) {
  return reinterpret_cast<uintptr_t>(data) % alignof(float) == 0;
}

}  // namespace

Result<void> Model::bind(Matrix& weight, const Checkpoint& checkpoint) {
  const std::vector<NamedSlice> slices = named_slices(weight);
  // A vector, or a few rows that no product reads.
  if (weight.rows == 1 || weight.name.ends_with("position_bias") || is_engram_gain(weight.name)) {
    const StoredTensor tensor = TRY(checkpoint.find(slices[0].name, slices[0].shape));
    float* copy = memory_.emplace_back(weight.count() * sizeof(float)).floats();
    weight.parts = {copy};
    return decode_finite(tensor, copy);
  }
  for (const NamedSlice& slice : slices) {
    StoredTensor tensor = TRY(checkpoint.find(slice.name, slice.shape));
    if (weight.parts.empty()) weight.type = tensor.type, weight.is_mapped = true;
    if (tensor.type != weight.type)
      return Error{
          fmt::format("{}: is {} where the experts before it are {}, which is not "
                      "supported; convert the model to one type",
                      tensor.place, type_name(tensor.type), type_name(weight.type))};
    if (tensor.packed) {
      std::byte* joined =
          reinterpret_cast<std::byte*>(memory_.emplace_back(tensor.bytes()).floats());
      const size_t row_bytes = type_bytes(tensor.type, tensor.columns());
      for (uint64_t row = 0; row < tensor.rows(); ++row)
        tensor.packed->join(row, joined + row * row_bytes);
      tensor.data = joined;
    }
    if (tensor.type == WeightType::f32) {
      if (!is_aligned(tensor.data)) {
        float* copy = memory_.emplace_back(tensor.bytes()).floats();
        decode(tensor, copy);
        tensor.data = reinterpret_cast<const std::byte*>(copy);
      }
      TRY(check_finite(tensor, reinterpret_cast<const float*>(tensor.data)));
    }
    if (tensor.row_scales && is_engram_table(weight.name)) {
      row_scales_[&weight] = tensor.row_scales;
    } else if (tensor.row_scales) {
      std::byte* blocks =
          reinterpret_cast<std::byte*>(memory_.emplace_back(tensor.bytes()).floats());
      TRY(join_blocks(tensor, blocks));
      tensor.data = blocks;
      weight.is_mapped = false;
    }
    weight.is_mapped &= !tensor.owned && !tensor.packed;
    weight.parts.push_back(tensor.data);
    if (tensor.scales) weight.scales.push_back(tensor.scales);
    if (tensor.owned) kept_.push_back(tensor.owned);
  }
  if (weight.groups > 1 && !weight.is_experts()) bind_groups(weight);
  return {};
}

// Cuts one tensor into groups of rows. Scales of rows that belong to two groups are multiplied
// out.
void Model::bind_groups(Matrix& weight) {
  const size_t rows = size_t(weight.group_rows()), cols = size_t(weight.cols);
  const bool has_scales = !weight.scales.empty();
  const size_t square = size_t(scale_square(weight.type));
  if (has_scales && rows % square != 0) {
    Matrix whole = weight;
    whole.groups = 1;
    float* copy = memory_.emplace_back(weight.count() * sizeof(float)).floats();
    for (int r = 0; r < weight.rows; ++r) whole.row(r, copy + size_t(r) * cols);
    weight.type = WeightType::f32, weight.is_mapped = false;
    weight.parts = {copy}, weight.scales.clear();
  }
  for (int g = 1; g < weight.groups; ++g) {
    weight.parts.push_back(static_cast<const char*>(weight.parts[0]) +
                           size_t(g) * type_bytes(weight.type, rows * cols));
    if (!weight.scales.empty())
      weight.scales.push_back(weight.scales[0] + size_t(g) * rows / square * div_up(cols, square));
  }
}

Result<void> Model::bind(const Checkpoint& checkpoint, const ExpertMemory& memory) {
  double packed = 0, panels = 0;  // bytes
  for (Matrix* weight : weights_) TRY(bind(*weight, checkpoint));
  const double before = available_memory();
  TRY(stream_tables(checkpoint, memory, before));
  TRY(stream_experts(checkpoint, memory, before));
  for (Matrix* weight : weights_) {
    if (is_streamed(*weight) || is_engram_table(weight->name)) continue;
    if (weight->rows > 1 && weight->type == WeightType::f32)
      packed += double(weight->count()) * sizeof(float);
  }
  for (const Matrix* weight : multiplied_)
    if (!is_streamed(*weight)) panels += double(Panels::bytes_of(*weight));
  const double available = expert_cache_ ? before : available_memory();
  if (available <= 0 || packed <= kPackedShare * available) add_packed();
  add_panels(available <= 0 || panels <= kPanelsShare * available);
  return {};
}

Result<std::unique_ptr<Model>> Model::open(std::shared_ptr<const Checkpoint> checkpoint,
                                           ExpertMemory memory) {
  if (const std::vector<std::string> extra = checkpoint->unexpected(); !extra.empty())
    return Error{
        fmt::format("{}: tensor '{}' has no place in a model of type '{}', so its numbers "
                    "would be wrong without it; the architecture is another one",
                    checkpoint->path(), extra[0], checkpoint->config().model_type)};
  std::unique_ptr<Model> model = ModelBuilder::unbound(checkpoint->config());
  TRY(model->bind(*checkpoint, memory));
  model->has_permuted_rows_ = checkpoint->rope_rows_permuted();
  model->kept_.push_back(std::move(checkpoint));
  return model;
}

namespace {

Result<void> read_weights(Model& model, const Checkpoint& checkpoint) {
  const ModelConfig& config = model.config();
  const bool restores = checkpoint.rope_rows_permuted() && !config.rope.interleaved;
  for (const Matrix* weight : model.weights()) {
    for (const NamedSlice& slice : named_slices(*weight)) {
      const StoredTensor tensor = TRY(checkpoint.find(slice.name, slice.shape));
      TRY(decode_finite(tensor, weight->parameter->data + slice.begin));
    }
    if (restores && has_rope_rows(weight->name))
      restore_rope_rows(*weight->parameter, config.head_dim);
  }
  model.weights_changed();
  return {};
}

// W + scale B A in place of W, as `weir adapter merge` computes it.
void fold_into(Model& model, const LoraAdapter& adapter) {
  for (const LoraModule& module : adapter.modules) {
    Matrix* weight = model.find(module.name + ".weight");
    CHECK(weight && weight->parameter);
    for (int row = 0; row < weight->rows; ++row)
      fold_row(module, uint64_t(row / module.outputs), uint64_t(row % module.outputs),
               weight->parameter->data + size_t(row) * size_t(weight->cols));
  }
  model.weights_changed();
}

}  // namespace

Result<std::vector<std::string>> load_weights(Model& model, const std::string& path) {
  if (model.trains_adapter()) {
    const int last = model.adapters() - 1;
    LoraAdapter adapter = model.adapter(last);
    TRY(read_peft_weights(join_path(path, "model.safetensors"), adapter));
    model.set_adapter(last, adapter);
    return std::vector<std::string>();
  }
  if (is_adapter_folder(path)) {
    const std::string base = TRY(base_of_adapter(path));
    const LoraAdapter adapter = TRY(read_lora(path, model.config()));
    auto unexpected = TRY(load_weights(model, base));
    fold_into(model, adapter);
    return unexpected;
  }
  const auto checkpoint = is_directory(path) ? TRY(Checkpoint::open(path, model.config()))
                                             : TRY(Checkpoint::open(path));
  TRY(read_weights(model, *checkpoint));
  return checkpoint->unexpected();
}

Result<std::unique_ptr<Model>> load_model(const std::string& path, bool trainable) {
  const bool is_adapter = is_adapter_folder(path);
  if (is_adapter && trainable)
    return Error{path +
                 ": is an adapter, not a whole model; merge it into its base first (weir "
                 "adapter merge)"};
  const std::string base = is_adapter ? TRY(base_of_adapter(path)) : path;
  std::shared_ptr<const Checkpoint> checkpoint = TRY(Checkpoint::open(base));
  if (!trainable) {
    std::unique_ptr<Model> model = TRY(Model::open(std::move(checkpoint)));
    if (!is_adapter) return model;
    const LoraAdapter adapter = TRY(read_lora(path, model->config()));
    model->default_adapter = TRY(model->add_adapter(adapter));
    return model;
  }
  ModelConfig config = checkpoint->config();
  if (checkpoint->rope_rows_permuted()) config.rope.interleaved = false;
  std::unique_ptr<Model> model = Model::create(config, true);
  TRY(read_weights(*model, *checkpoint));
  return model;
}

}  // namespace weir
