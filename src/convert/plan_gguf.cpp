// What a GGUF file will hold.
#include <fmt/format.h>

#include <map>
#include <set>
#include <utility>

#include "checkpoint/gguf_names.h"
#include "checkpoint/row_scales.h"
#include "checkpoint/stream_end.h"
#include "config/gguf_config.h"
#include "convert/conversion_plan.h"

namespace weir {
namespace {

// The type of a tensor that keeps its own, as llama.cpp's converter would store it.
WeightType kept_type(WeightType stored, const std::string& name,
                     const std::vector<uint64_t>& shape) {
  const Mix narrow{"", WeightType::bf16, 0, {}};
  if (choose_type(narrow, {}, name, shape) == WeightType::f32) return WeightType::f32;
  return has_scale_squares(stored) ? WeightType::bf16 : stored;
}

// GGUF has no form for DSpark's stages beside the model.
ModelConfig without_stages(ModelConfig config) {
  if (config.has_dspark()) config.num_nextn_predict_layers = 0;
  config.dspark_target_layer_ids.clear();
  return config;
}

class Planner {
 public:
  Planner(const ModelConfig& config, FindTensor find, const std::optional<Mix>& mix)
      : config_(without_stages(config)),
        find_(std::move(find)),
        mix_(mix),
        model_(mix_model(config_)) {}
  Result<GgufPlan> plan();
  Result<GgufPlan> plan(const GgufFile& file);

 private:
  Result<void> add(const TensorShape& tensor);
  Result<void> add_kv_b(const TensorShape& tensor);
  Result<void> add_expert_table(const TensorShape& tensor);
  Result<void> add_joined_project(const TensorShape& embeddings);
  Result<void> add_stream_end(const TensorShape& tensor);
  void add_rope_factors();
  void push(std::string name, WeightType stored, std::vector<uint64_t> shape,
            std::function<Result<StoredRows>()> open);
  void finish();
  std::string fallback_note() const;

  const ModelConfig config_;
  const FindTensor find_;
  const std::optional<Mix> mix_;
  MixModel model_;
  // Tensors by the block that does not divide their rows, the rows' length, and the change of type.
  std::map<std::pair<int, uint64_t>, std::map<std::string, size_t>> fallbacks_;
  GgufPlan plan_;
};

void Planner::push(std::string name, WeightType stored, std::vector<uint64_t> shape,
                   std::function<Result<StoredRows>()> open) {
  const WeightType wanted =
      mix_ ? wanted_type(*mix_, model_, name, shape) : kept_type(stored, name, shape);
  const WeightType type = mix_ ? fitting_type(wanted, shape.empty() ? 1 : shape.back()) : wanted;
  if (wanted != type)
    ++fallbacks_[{type_traits(wanted).block, shape.back()}]
                [fmt::format("{} to {}", type_name(wanted), type_name(type))];
  plan_.tensors.push_back({std::move(name), type, std::move(shape), std::move(open), stored});
}

// "24 tensors get another type than the mix wants, because 256 does not divide their rows of 896
// (q4_k to q5_0: 20, q6_k to q8_0: 4)"
std::string Planner::fallback_note() const {
  std::string note;
  for (const auto& [rows, changes] : fallbacks_) {
    size_t tensors = 0;
    std::string list;
    for (const auto& [change, count] : changes) {
      tensors += count;
      list += fmt::format("{}{}: {}", list.empty() ? "" : ", ", change, count);
    }
    note +=
        fmt::format("{}{} tensor{} fell back: {} does not divide {} ({})", note.empty() ? "" : "; ",
                    tensors, tensors == 1 ? "" : "s", rows.first, rows.second, list);
  }
  return note;
}

// Two tensors there, so that llama.cpp can absorb them into queries and outputs.
Result<void> Planner::add_kv_b(const TensorShape& tensor) {
  const StoredTensor kv_b = TRY(find_(tensor.name, tensor.shape));
  const std::string block = fmt::format("blk.{}.", layer_of(tensor.name));
  const uint64_t heads = uint64_t(config_.num_attention_heads), rank = tensor.shape[1],
                 nope = uint64_t(config_.qk_nope_head_dim), value = uint64_t(config_.v_head_dim);
  const auto find = [this, tensor] { return find_(tensor.name, tensor.shape); };
  push(block + "attn_k_b.weight", kv_b.type, {heads, rank, nope},
       [this, find]() -> Result<StoredRows> {
         const StoredTensor whole = TRY(find());
         return StoredRows{{transposed_keys(whole, config_)}, RowOrder::same, 0};
       });
  push(block + "attn_v_b.weight", kv_b.type, {heads, value, rank},
       [this, find]() -> Result<StoredRows> {
         const StoredTensor whole = TRY(find());
         return StoredRows{value_rows(whole, config_), RowOrder::same, 0};
       });
  return {};
}

// The bytes of whole numbers, under the type of equal size (formats/gguf_tables.h).
Result<void> Planner::add_expert_table(const TensorShape& tensor) {
  push(gguf_name(tensor.name), WeightType::f32, tensor.shape,
       [this, tensor]() -> Result<StoredRows> {
         StoredTensor table = TRY(find_(tensor.name, tensor.shape));
         std::vector<float> experts(table.count());
         decode(table, experts.data());
         auto numbers = std::make_shared<std::vector<int32_t>>(experts.begin(), experts.end());
         table.data = reinterpret_cast<const std::byte*>(numbers->data());
         table.owned = numbers;
         return StoredRows{{table}, RowOrder::same, 0};
       });
  return {};
}

// e_proj and h_proj of a module of DeepSeek-V4 side by side.
Result<void> Planner::add_joined_project(const TensorShape& embeddings) {
  TensorShape streams = embeddings;
  streams.name.replace(streams.name.rfind("e_proj"), 1, "h");
  const uint64_t width = embeddings.shape[1];
  const StoredTensor first = TRY(find_(embeddings.name, embeddings.shape));
  push(fmt::format("blk.{}.nextn.eh_proj.weight", layer_of(embeddings.name)), first.type,
       {width, 2 * width}, [this, embeddings, streams]() -> Result<StoredRows> {
         return StoredRows{{side_by_side(TRY(find_(embeddings.name, embeddings.shape)),
                                         TRY(find_(streams.name, streams.shape)))},
                           RowOrder::same,
                           0};
       });
  return {};
}

// In the metadata; of models that are nowhere zeros.
Result<void> Planner::add_stream_end(const TensorShape& tensor) {
  const StoredTensor stored = TRY(find_(tensor.name, tensor.shape));
  std::vector<float> numbers(size_t(tensor.elements()), 0);
  if (stored.data) decode(stored, numbers.data());
  plan_.metadata.set(stream_end_key(tensor.name),
                     std::vector<double>(numbers.begin(), numbers.end()));
  return {};
}

Result<void> Planner::add(const TensorShape& tensor) {
  if (tensor.name.ends_with(".kv_b_proj.weight") && !is_unabsorbed_gguf(config_))
    return add_kv_b(tensor);
  if (tensor.name.ends_with(".tid2eid")) return add_expert_table(tensor);
  if (tensor.name.ends_with(".e_proj.weight")) return add_joined_project(tensor);
  if (tensor.name.ends_with(".h_proj.weight")) return {};  // joined
  if (!stream_end_key(tensor.name).empty()) return add_stream_end(tensor);
  const StoredTensor first = TRY(find_(expert_name(tensor.name, 0), tensor.shape));
  std::vector<uint64_t> shape = tensor.shape;
  const bool is_grouped = tensor.name.find("{}") != std::string::npos;
  if (is_grouped) shape.insert(shape.begin(), uint64_t(tensor.copies));
  const bool permutes = permutes_gguf_rows(config_) && has_rope_rows(tensor.name);
  push(gguf_name(tensor.name), first.type, std::move(shape),
       [this, tensor, permutes]() -> Result<StoredRows> {
         StoredRows rows;
         for (int i = 0; i < tensor.copies; ++i) {
           StoredTensor part = TRY(find_(expert_name(tensor.name, i), tensor.shape));
           TRY(rows.add(std::move(part)));
         }
         if (permutes) {
           rows.order = RowOrder::to_gguf;
           rows.head_dim = uint64_t(config_.head_dim);
         }
         return rows;
       });
  return {};
}

void Planner::add_rope_factors() {
  auto factors = std::make_shared<std::vector<float>>(gguf_rope_factors(config_));
  if (factors->empty()) return;
  StoredTensor tensor;
  tensor.shape = {factors->size()};
  tensor.data = reinterpret_cast<const std::byte*>(factors->data());
  tensor.owned = factors;
  const bool is_long = config_.rope.scaling == RopeScaling::longrope;
  const auto names = is_long ? std::vector{"rope_factors_long.weight", "rope_factors_short.weight"}
                             : std::vector{"rope_freqs.weight"};
  for (const char* name : names)
    push(name, WeightType::f32, tensor.shape, [tensor]() -> Result<StoredRows> {
      return StoredRows{{tensor}, RowOrder::same, 0};
    });
}

void Planner::finish() {
  plan_.fallbacks = fallback_note();
  bool has_blocks = false;
  for (const PlannedTensor& tensor : plan_.tensors)
    has_blocks = has_blocks || type_traits(tensor.type).block > 1;
  if (mix_) plan_.metadata.set("general.file_type", int64_t(mix_->file_type));
  if (has_blocks) plan_.metadata.set("general.quantization_version", int64_t(2));
}

Result<GgufPlan> Planner::plan() {
  TRY(write_gguf_config(config_, plan_.metadata));
  add_rope_factors();
  for (const TensorShape& tensor : all_tensors(config_)) TRY(add(tensor));
  finish();
  return std::move(plan_);
}

Result<GgufPlan> Planner::plan(const GgufFile& file) {
  static const std::set<std::string> kOwn = {"general.alignment", "split.no", "split.count",
                                             "split.tensors.count"};
  for (const GgufMetadata::Entry& entry : file.metadata().entries())
    if (!kOwn.count(entry.key)) plan_.metadata.set(entry.key, entry.value, entry.width);
  for (const GgufTensor& tensor : file.tensors()) {
    const auto open = [&file, &tensor]() -> Result<StoredRows> {
      StoredTensor stored;
      stored.type = tensor.type;
      const uint64_t columns = tensor.shape.empty() ? 1 : tensor.shape.back();
      uint64_t rows = 1;
      for (size_t i = 0; i + 1 < tensor.shape.size(); ++i) rows *= tensor.shape[i];
      stored.shape = {rows, columns};
      stored.data = file.data(tensor).data();
      stored.place = fmt::format("{}: tensor '{}'", file.path(tensor), tensor.name);
      return StoredRows{{stored}, RowOrder::same, 0};
    };
    if (mix_)
      push(tensor.name, tensor.type, tensor.shape, open);
    else
      plan_.tensors.push_back({tensor.name, tensor.type, tensor.shape, open, tensor.type});
  }
  finish();
  return std::move(plan_);
}

}  // namespace

uint64_t PlannedTensor::rows() const {
  uint64_t rows = 1;
  for (size_t i = 0; i + 1 < shape.size(); ++i) rows *= shape[i];
  return rows;
}

const char* PlannedTensor::dtype() const {
  if (piece == Piece::whole) return dtype_of(type);
  return piece == Piece::numbers ? "I64" : piece == Piece::codes ? "I8" : "F8_E8M0";
}

uint64_t PlannedTensor::columns() const {
  if (piece == Piece::whole) return shape.back();
  return shape.back() * (piece == Piece::scales ? kRowScaleColumns : 2);
}

uint64_t PlannedTensor::row_bytes() const {
  const bool is_byte = piece == Piece::codes || piece == Piece::scales;
  return is_byte ? shape.back() : type_bytes(type, columns());
}

uint64_t PlannedTensor::bytes() const { return rows() * row_bytes(); }

std::string requantization_note(const std::vector<PlannedTensor>& tensors) {
  double bits = 0, numbers = 0;
  for (const PlannedTensor& tensor : tensors) {
    if (type_traits(tensor.source).block == 1 || tensor.source == tensor.type) continue;
    const double count = double(tensor.rows()) * double(tensor.columns());
    numbers += count;
    bits += 8 * double(type_bytes(tensor.source, tensor.columns())) * double(tensor.rows());
  }
  if (numbers == 0) return "";
  return fmt::format(
      "the source is quantized already ({:.2f} bits a number): its errors stay, and those told "
      "here "
      "are against it; begin from the original for a better file",
      bits / numbers);
}

namespace {

// The sources refer to their planner, so each keeps it.
Result<GgufPlan> keeping(const std::shared_ptr<Planner>& planner, Result<GgufPlan> plan) {
  if (!plan) return plan;
  for (PlannedTensor& tensor : plan->tensors)
    tensor.open = [planner, open = std::move(tensor.open)] { return open(); };
  return plan;
}

}  // namespace

Result<GgufPlan> plan_gguf(const ModelConfig& config, const FindTensor& find,
                           const std::optional<Mix>& mix) {
  auto planner = std::make_shared<Planner>(config, find, mix);
  return keeping(planner, planner->plan());
}

Result<GgufPlan> plan_gguf(const Checkpoint& checkpoint, const std::optional<Mix>& mix) {
  const FindTensor find = [&checkpoint](const std::string& name,
                                        const std::vector<uint64_t>& shape) {
    return checkpoint.find(name, shape);
  };
  auto planner = std::make_shared<Planner>(checkpoint.config(), find, mix);
  return keeping(planner, checkpoint.gguf() ? planner->plan(*checkpoint.gguf()) : planner->plan());
}

}  // namespace weir
