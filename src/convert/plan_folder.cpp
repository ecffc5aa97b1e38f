// What a HuggingFace folder will hold.
#include <cmath>
#include <cstring>

#include "checkpoint/gguf_names.h"
#include "checkpoint/row_scales.h"
#include "config/compressed_tensors.h"
#include "convert/conversion_plan.h"
#include "kernels/kernels.h"
#include "kernels/quant/narrow_floats.h"

namespace weir {
namespace {

// The type of the first matrix that is not f32: what vectors had before GGUF widened them.
WeightType common_type(const Checkpoint& checkpoint) {
  for (const TensorShape& tensor : all_tensors(checkpoint.config())) {
    if (tensor.shape.size() != 2) continue;
    auto found = checkpoint.find(expert_name(tensor.name, 0));
    if (found && found->type != WeightType::f32)
      return is_float(found->type) ? found->type : WeightType::bf16;
  }
  return WeightType::f32;
}

// Whether every number of an f32 tensor is one of `type` too.
bool survives(const StoredTensor& tensor, WeightType type) {
  std::vector<float> values(tensor.count());
  decode(tensor, values.data());
  for (float value : values) {
    const float narrow =
        type == WeightType::bf16 ? bf16_to_f32(f32_to_bf16(value)) : f16_to_f32(f32_to_f16(value));
    if (narrow != value) return false;
  }
  return true;
}

constexpr const char *kScale = ".scale", *kWeight = ".weight";

// What DeepSeek-V4's files keep in f32: mixtures of streams, sinks, biases of positions.
bool is_kept_f32(const ModelConfig& config, const std::string& name) {
  if (!config.is_compressed()) return false;
  for (const char* part : {"_hc.", ".hc_head.", ".sinks", ".position_bias"})
    if (name.find(part) != std::string::npos) return true;
  return false;
}

// Of tid2eid: experts as whole numbers, as transformers keeps them.
Result<StoredRows> whole_numbers(StoredTensor table) {
  std::vector<float> experts(table.count());
  decode(table, experts.data());
  auto numbers = std::make_shared<std::vector<int64_t>>(experts.begin(), experts.end());
  table.type = WeightType::f32;
  table.data = reinterpret_cast<const std::byte*>(numbers->data());
  table.owned = numbers;
  table.shape.back() *= 2;
  return StoredRows{{table}, RowOrder::same, 0};
}

class Planner {
 public:
  Planner(const Checkpoint& checkpoint, std::optional<WeightType> type)
      : checkpoint_(checkpoint), type_(type), common_(type ? *type : common_type(checkpoint)) {}
  Result<FolderPlan> plan();

 private:
  WeightType type_of(const TensorShape& tensor, const std::string& name,
                     const StoredTensor& stored) const;
  Result<void> add(const TensorShape& tensor, const std::string& name);

  const Checkpoint& checkpoint_;
  const std::optional<WeightType> type_;
  const WeightType common_;
  FolderPlan plan_;
};

WeightType Planner::type_of(const TensorShape& tensor, const std::string& name,
                            const StoredTensor& stored) const {
  // Biases of gates are never narrowed; DeepSeek's files have them in f32, fine-tuned ones in bf16.
  const bool is_gate_bias = name.find("e_score_correction_bias") != std::string::npos;
  if (is_kept_f32(checkpoint_.config(), name)) return WeightType::f32;
  if (type_ == WeightType::mxfp4) {
    const bool is_narrow =
        tensor.copies > 1 && tensor.shape.size() == 2 && tensor.shape[1] % kRowScaleColumns == 0;
    if (is_narrow) return WeightType::mxfp4;
    return is_gate_bias ? WeightType::f32 : WeightType::bf16;
  }
  if (type_ && !is_gate_bias) return *type_;
  // What GGUF keeps in f32: vectors and gates.
  const bool was_widened = tensor.shape.size() == 1 || tensor.part == ModelPart::router;
  if (stored.type == WeightType::f32 && common_ != WeightType::f32 &&
      (was_widened || stored.owned) && checkpoint_.gguf())
    return survives(stored, common_) ? common_ : WeightType::f32;
  return is_float(stored.type) ? stored.type : WeightType::bf16;
}

Result<void> Planner::add(const TensorShape& tensor, const std::string& name) {
  using Piece = PlannedTensor::Piece;
  const StoredTensor stored = TRY(checkpoint_.find(name, tensor.shape));
  if (name.ends_with(".tid2eid")) {
    const auto table = [this, name]() -> Result<StoredRows> {
      return whole_numbers(TRY(checkpoint_.find(name)));
    };
    plan_.tensors.push_back(
        {name, WeightType::f32, tensor.shape, table, WeightType::f32, Piece::numbers});
    return {};
  }
  const WeightType type = type_of(tensor, name, stored);
  const bool restores = checkpoint_.rope_rows_permuted() && has_rope_rows(name);
  const auto open = [this, name, restores]() -> Result<StoredRows> {
    StoredRows rows;
    rows.parts = {TRY(checkpoint_.find(name))};
    if (restores) {
      rows.order = RowOrder::to_huggingface;
      rows.head_dim = uint64_t(checkpoint_.config().head_dim);
    }
    return rows;
  };
  if (type != WeightType::mxfp4) {
    plan_.tensors.push_back({name, type, tensor.shape, open, stored.type});
    return {};
  }
  const uint64_t rows = tensor.shape[0], columns = tensor.shape[1];
  const std::string scales = name.substr(0, name.rfind('.')) + kScale;
  plan_.tensors.push_back({name, type, {rows, columns / 2}, open, stored.type, Piece::codes});
  plan_.tensors.push_back(
      {scales, type, {rows, columns / kRowScaleColumns}, open, stored.type, Piece::scales});
  return {};
}

Result<FolderPlan> Planner::plan() {
  plan_.config = checkpoint_.config();
  if (checkpoint_.rope_rows_permuted()) plan_.config.rope.interleaved = false;
  for (const TensorShape& tensor : all_tensors(checkpoint_.config()))
    for (int i = 0; i < tensor.copies; ++i) TRY(add(tensor, expert_name(tensor.name, i)));
  return std::move(plan_);
}

}  // namespace

void use_names_of_files(FolderPlan& plan) {
  if (!plan.config.is_compressed()) return;
  for (PlannedTensor& tensor : plan.tensors) {
    const std::string stem = tensor.name.substr(0, tensor.name.rfind('.'));
    const bool has_scales = tensor.piece == PlannedTensor::Piece::scales;
    std::string name = deepseek_name(plan.config, has_scales ? stem + kWeight : tensor.name);
    if (has_scales) name.replace(name.rfind('.'), std::string::npos, kScale);
    tensor.name = std::move(name);
  }
}

Result<FolderPlan> plan_folder(const Checkpoint& checkpoint, std::optional<WeightType> type) {
  auto planner = std::make_shared<Planner>(checkpoint, type);
  Result<FolderPlan> plan = planner->plan();
  if (!plan) return plan;
  for (PlannedTensor& tensor : plan->tensors)  // the sources refer to the planner
    tensor.open = [planner, open = std::move(tensor.open)] { return open(); };
  return plan;
}

}  // namespace weir
