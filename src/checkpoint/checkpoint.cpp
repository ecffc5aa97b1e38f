// Finding tensors; checkpoint_open.cpp opens.
#include "checkpoint/checkpoint.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <set>

#include "base/div_up.h"
#include "checkpoint/gguf_names.h"
#include "checkpoint/packed_weights.h"
#include "checkpoint/row_scales.h"
#include "checkpoint/stream_end.h"
#include "checkpoint/text_names.h"
#include "config/compressed_tensors.h"
#include "config/engram.h"
#include "config/size.h"
#include "formats/gguf_tables.h"
#include "kernels/kernels.h"
#include "kernels/quant/types.h"

namespace weir {
namespace {

constexpr std::string_view kPart = "model.";
constexpr const char *kEmbeddingProject = ".e_proj.weight", *kStreamProject = ".h_proj.weight";

std::string place_of(const std::string& path, const std::string& name) {
  return fmt::format("{}: tensor '{}'", path, name);
}

// All experts of a layer as newer transformers keep them in memory and may save them: [experts,
// 2 width, hidden], the gates' rows first, and [experts, hidden, width].
constexpr const char* kFusedGateUp = ".mlp.experts.gate_up_proj";
constexpr const char* kFusedDown = ".mlp.experts.down_proj";

// Tensors of published folders that belong to no weight of their own: scales of F8 weights, what
// older Llama files have, experts in one tensor.
bool is_known_extra(const ModelConfig& config, const std::string& name) {
  for (const char* scales : {".weight_scale_inv", ".scale"})
    if (name.ends_with(scales)) return true;
  if (name.ends_with(".rotary_emb.inv_freq") || is_beside_packed(name)) return true;
  if (name == kEngramClasses) return true;
  if (config.n_routed_experts > 0 && (name.ends_with(kFusedGateUp) || name.ends_with(kFusedDown)))
    return true;
  if (config.tie_word_embeddings && name == "lm_head.weight") return true;
  // Scales of DeepSeek-V4's own files, and its modules for drafts, which have copies of embedding
  // and head, or which nothing mentions.
  if (config.is_compressed() && (name.ends_with(".scale") || name.starts_with("mtp."))) return true;
  // Of multi-token prediction: copies of embedding and head, or modules that nothing mentions.
  const int layer = layer_of(name);
  if (layer >= config.num_hidden_layers + config.num_nextn_predict_layers) return true;
  return layer >= config.num_hidden_layers &&
         (name.ends_with(".embed_tokens.weight") || name.ends_with(".shared_head.head.weight"));
}

// The same of GGUF files, and other forms of tensors that Checkpoint::find() knows.
bool is_other_form(const std::string& name) {
  for (const char* form :
       {".attn_k_b.weight", ".attn_v_b.weight", ".ffn_gate_up_exps.weight", ".ffn_gate.",
        ".ffn_up.", ".ffn_down.", "rope_freqs.weight", "rope_factors_", ".nextn.embed_tokens.",
        ".nextn.shared_head_head.", ".nextn.eh_proj."})
    if (name.find(form) != std::string::npos) return true;
  return false;
}

// The name of a weight's scales in a folder, as DeepSeek-V3 or V4 has it; "" when there are none.
std::string scales_name(const SafetensorsFolder& folder, const std::string& name) {
  constexpr std::string_view kWeight = ".weight";
  if (folder.has(name + "_scale_inv")) return name + "_scale_inv";
  if (!name.ends_with(kWeight)) return "";
  const std::string other = name.substr(0, name.size() - kWeight.size()) + ".scale";
  return folder.has(other) ? other : "";
}

// Four-bit floats, two a byte: DeepSeek's files call them integers.
bool is_two_codes(const std::string& dtype) { return dtype == "I8" || dtype == "F4"; }

uint64_t product(const std::vector<uint64_t>& shape) {
  uint64_t count = 1;
  for (uint64_t dimension : shape) count *= dimension;
  return count;
}

}  // namespace

Result<WeightType> weight_type(const std::string& dtype) {
  for (const TypeRow& row : kTypes)
    if (*row.dtype && dtype == row.dtype) return row.type;
  return Error{"dtype " + dtype +
               " can not be loaded as weights; convert it to F32, BF16, F16 or F8_E4M3"};
}

const char* dtype_of(WeightType type) { return type_row(type).dtype; }

const char* torch_dtype(WeightType type) {
  if (type == WeightType::f32) return "float32";
  return type == WeightType::f16 ? "float16" : "bfloat16";
}

Result<StoredTensor> Checkpoint::find(const std::string& name) const {
  return folder_ ? find_in_folder(name) : find_in_gguf(name);
}

Result<StoredTensor> Checkpoint::find(const std::string& name,
                                      const std::vector<uint64_t>& shape) const {
  StoredTensor tensor = TRY(find(name));
  if (tensor.shape != shape)
    return Error{
        fmt::format("{}: has shape [{}], but {} asks for [{}]; the weights belong to "
                    "another configuration",
                    tensor.place, fmt::join(tensor.shape, ", "),
                    gguf_ ? "its metadata" : "config.json", fmt::join(shape, ", "))};
  return tensor;
}

// "model.layers.1.mlp.experts.7.up_proj.weight" of fused experts; the error of a plain tensor of
// that name where there are none.
Result<StoredTensor> Checkpoint::find_fused(const std::string& name) const {
  const ExpertName split = split_expert_name(name);
  const size_t at = split.pattern.find(".mlp.experts.{}.");
  const bool is_down = name.ends_with(".down_proj.weight");
  const std::string fused =
      split.expert < 0 ? "" : split.pattern.substr(0, at) + (is_down ? kFusedDown : kFusedGateUp);
  const std::string stored = fused.empty() ? "" : folder_name(fused);
  if (fused.empty() || !folder_->has(stored)) return folder_->find(name).error();
  const SafetensorsFolder::Found found = TRY(folder_->find(stored));
  StoredTensor tensor;
  tensor.place = place_of(found.file->path(), stored);
  tensor.type = TRY_IN(tensor.place, weight_type(found.info->dtype));
  const std::vector<uint64_t>& shape = found.info->shape;
  if (shape.size() != 3 || uint64_t(split.expert) >= shape[0] || (!is_down && shape[1] % 2 != 0))
    return Error{fmt::format("{}: has shape [{}], which holds no expert {}", tensor.place,
                             fmt::join(shape, ", "), split.expert)};
  if (tensor.type == WeightType::f8_e4m3)
    return Error{tensor.place +
                 ": fused experts in F8_E4M3 are not supported; save the model with "
                 "save_original_format=True"};
  const uint64_t whole = type_bytes(tensor.type, shape[1] * shape[2]);
  tensor.shape = {is_down ? shape[1] : shape[1] / 2, shape[2]};
  tensor.data = found.bytes().data() + uint64_t(split.expert) * whole;
  if (name.ends_with(".up_proj.weight")) tensor.data += whole / 2;
  return tensor;
}

namespace {

// tid2eid: whole numbers in files, f32 in memory, which holds all of them exactly. `tensor` has its
// place and shape.
Result<StoredTensor> read_expert_table(std::span<const std::byte> bytes, bool is_wide, int experts,
                                       StoredTensor tensor) {
  auto copy = std::make_shared<std::vector<float>>(product(tensor.shape));
  for (size_t i = 0; i < copy->size(); ++i) {
    int64_t expert = 0;
    int32_t narrow = 0;
    if (is_wide)
      std::memcpy(&expert, bytes.data() + i * sizeof expert, sizeof expert);
    else
      std::memcpy(&narrow, bytes.data() + i * sizeof narrow, sizeof narrow), expert = narrow;
    if (expert < 0 || expert >= experts)
      return Error{
          fmt::format("{}: names expert {} at element {}, but the model has experts 0 to {}",
                      tensor.place, expert, i, experts - 1)};
    (*copy)[i] = float(expert);
  }
  tensor.type = WeightType::f32;
  tensor.data = reinterpret_cast<const std::byte*>(copy->data());
  tensor.owned = copy;
  return tensor;
}

}  // namespace

Result<StoredTensor> Checkpoint::expert_table(const SafetensorsFolder::Found& found,
                                              StoredTensor tensor) const {
  tensor.shape = found.info->shape;
  if (found.info->dtype != "I64" && found.info->dtype != "I32")
    return Error{fmt::format("{}: is {}, but the experts of tokens are whole numbers, I64 or I32",
                             tensor.place, found.info->dtype)};
  return read_expert_table(found.bytes(), found.info->dtype == "I64", config_.n_routed_experts,
                           std::move(tensor));
}

// The name of a tensor there: models that also see images have theirs beside the image's.
std::string Checkpoint::folder_name(const std::string& name) const {
  if (!sees_images_) return name;
  for (std::string& stored : stored_text_names(name)) {
    const std::string packed = stored + "_packed";
    if (folder_->has(stored) || folder_->has(packed)) return std::move(stored);
  }
  return name;
}

Result<StoredTensor> Checkpoint::find_in_folder(const std::string& name) const {
  if (name == kEngramClasses) return token_classes(name);
  if (const std::string stored = folder_name(name); stored != name) return find_in_folder(stored);
  if (std::optional<StoredTensor> packed = TRY(find_packed(*folder_, name)))
    return *std::move(packed);

  if (config_.is_compressed())
    for (const std::string& stored : stored_names(config_, name))
      if (stored != name && folder_->has(stored)) return find_in_folder(stored);
  // Models for embeddings are saved without a head, and without the name of the part that is left.
  if (!folder_->has(name) && name.starts_with(kPart) && folder_->has(name.substr(kPart.size())))
    return find_in_folder(name.substr(kPart.size()));
  if (!folder_->has(name)) return find_fused(name);
  const SafetensorsFolder::Found found = TRY(folder_->find(name));
  StoredTensor tensor;
  tensor.place = place_of(found.file->path(), name);
  if (name.ends_with(".tid2eid")) return expert_table(found, std::move(tensor));
  tensor.shape = found.info->shape;
  tensor.data = found.bytes().data();
  const bool has_codes = is_two_codes(found.info->dtype) && !scales_name(*folder_, name).empty();
  tensor.type =
      has_codes ? WeightType::mxfp4 : TRY_IN(tensor.place, weight_type(found.info->dtype));
  if (!has_codes && tensor.type != WeightType::f8_e4m3) return tensor;
  if (tensor.shape.size() != 2)
    return Error{fmt::format("{}: is {} of shape [{}]; only matrices can be", tensor.place,
                             found.info->dtype, fmt::join(tensor.shape, ", "))};
  if (has_codes && found.info->dtype == "I8") tensor.shape[1] *= 2;
  TRY(add_scales(name, tensor));
  return tensor;
}

// They may be in another shard (DeepSeek-V3, README_WEIGHTS.md). Their shape says what shares one.
Result<void> Checkpoint::add_scales(const std::string& name, StoredTensor& tensor) const {
  const std::string scales = scales_name(*folder_, name);
  if (scales.empty())
    return Error{fmt::format(
        "{}: is F8_E4M3, but its scales '{}' are missing", tensor.place,
        is_engram_table(name) ? name.substr(0, name.rfind('.')) + ".scale" : name + "_scale_inv")};
  const SafetensorsFolder::Found found = TRY(folder_->find(scales));
  const std::vector<uint64_t>& shape = found.info->shape;
  const uint64_t rows = tensor.rows(), columns = tensor.columns();
  const bool is_e8m0 = found.info->dtype == "F8_E8M0";
  const auto squares = [&](uint64_t side) {
    return std::vector<uint64_t>{div_up(rows, side), div_up(columns, side)};
  };
  const bool has_codes = tensor.type == WeightType::mxfp4;
  const bool has_128 = !has_codes && shape == squares(kScaleSquare),
             has_32 = !has_codes && !has_128 && shape == squares(kRowScaleColumns);
  if (is_e8m0 && columns % kRowScaleColumns == 0 && !has_128 && !has_32 &&
      shape == std::vector<uint64_t>{rows, columns / kRowScaleColumns}) {
    if (!has_codes) tensor.type = WeightType::f8_e4m3_32;
    tensor.row_scales = found.bytes().data();
    return {};
  }
  if (!has_codes && !is_e8m0 && found.info->elements() == 1) {  // one for the whole tensor
    tensor = *TRY(find_packed(*folder_, name, "weight_scale_inv"));
    return {};
  }
  if ((!is_e8m0 && found.info->dtype != "F32") || !(has_128 || has_32))
    return Error{
        fmt::format("{}: its scales '{}' are {} of shape [{}]; {} belongs to it", tensor.place,
                    scales, found.info->dtype, fmt::join(shape, ", "),
                    has_codes || is_engram_table(name)
                        ? fmt::format("F8_E8M0 of shape [{}, {}]", rows, columns / kRowScaleColumns)
                        : fmt::format("F32 or F8_E8M0 of shape [{}] or [{}]",
                                      fmt::join(squares(kScaleSquare), ", "),
                                      fmt::join(squares(kRowScaleColumns), ", ")))};
  if (has_32) tensor.type = WeightType::f8_e4m3_32;
  auto copy = std::make_shared<std::vector<float>>(product(shape));
  const std::span<const std::byte> bytes = found.bytes();
  if (is_e8m0)
    std::transform(bytes.begin(), bytes.end(), copy->begin(), e8m0_to_f32);
  else
    std::memcpy(copy->data(), bytes.data(), copy->size() * sizeof(float));
  for (float value : *copy)
    if (!std::isfinite(value))
      return Error{fmt::format("{}: a scale of '{}' is not finite; the file is damaged",
                               tensor.place, scales)};
  tensor.scales = copy->data();
  tensor.owned = copy;
  return {};
}

// Expert `expert` (or all) of a stacked tensor, and of its rows the part `part` of `parts` equal
// ones.
Result<StoredTensor> Checkpoint::slice(const GgufTensor& stored, int expert, int part,
                                       int parts) const {
  StoredTensor tensor;
  tensor.place = place_of(gguf_->path(stored), stored.name);
  tensor.type = stored.type;
  tensor.shape = stored.shape;
  const std::span<const std::byte> data = TRY_IN(tensor.place, gguf_->whole_data(stored));
  if (is_expert_table(stored.name))
    return read_expert_table(data, false, config_.n_routed_experts, std::move(tensor));
  tensor.data = data.data();
  if (expert < 0) return tensor;
  if (stored.shape.size() != 3 || uint64_t(expert) >= stored.shape[0] ||
      stored.shape[1] % uint64_t(parts) != 0)
    return Error{fmt::format("{}: has shape [{}], which holds no expert {}", tensor.place,
                             fmt::join(stored.shape, ", "), expert)};
  tensor.shape = {stored.shape[1] / uint64_t(parts), stored.shape[2]};
  const uint64_t whole = type_bytes(stored.type, stored.shape[1] * stored.shape[2]);
  tensor.data += uint64_t(expert) * whole + uint64_t(part) * tensor.bytes();
  return tensor;
}

namespace {

// Numbers of the metadata (stream_end.h).
Result<StoredTensor> find_stream_end(const GgufFile& file, const ModelConfig& config,
                                     const std::string& name) {
  const std::string key = stream_end_key(name);
  auto values = file.metadata().doubles_at(key);
  if (!values)
    return Error{fmt::format("{} ('{}' elsewhere): is missing, and so is the key '{}'",
                             place_of(file.path(), gguf_name(name)), name, key)};
  auto numbers = std::make_shared<std::vector<float>>((*values)->begin(), (*values)->end());
  const size_t width = size_t(config.hc_mult) * size_t(config.hidden_size);
  StoredTensor tensor;
  tensor.place = fmt::format("{}: '{}'", file.path(), key);
  tensor.shape = {numbers->size()};
  if (name.ends_with("fn") && numbers->size() % width == 0)
    tensor.shape = {numbers->size() / width, width};
  tensor.data = reinterpret_cast<const std::byte*>(numbers->data());
  tensor.owned = numbers;
  return tensor;
}

}  // namespace

Result<StoredTensor> Checkpoint::find_in_gguf(const std::string& name) const {
  const ExpertName split = split_expert_name(name);
  const std::string stacked = gguf_name(name);
  for (const bool is_second : {false, true})
    if (name.ends_with(is_second ? kStreamProject : kEmbeddingProject))
      return find_half_of_project(layer_of(name), is_second);
  if (stacked.empty()) return Error{place_of(path_, name) + ": GGUF files have no such tensor"};
  if (const GgufTensor* found = gguf_->find(stacked)) return slice(*found, split.expert, 0, 1);
  if (!stream_end_key(name).empty()) return find_stream_end(*gguf_, config_, name);
  const std::string block = stacked.substr(0, stacked.find('.', 4) + 1);  // "blk.N."
  if (split.expert >= 0) {
    // Files of 2023 and 2024 have a tensor for each expert; some newer ones gate and up in one.
    const std::string kind = stacked.substr(block.size(), stacked.find("_exps") - block.size());
    const std::string single = fmt::format("{}{}.{}.weight", block, kind, split.expert);
    if (const GgufTensor* found = gguf_->find(single)) return slice(*found, -1, 0, 1);
    const GgufTensor* fused = gguf_->find(block + "ffn_gate_up_exps.weight");
    if (fused && kind != "ffn_down") return slice(*fused, split.expert, kind == "ffn_up", 2);
  }
  if (stacked.ends_with("attn_kv_b.weight")) {
    const GgufTensor* k = gguf_->find(block + "attn_k_b.weight");
    const GgufTensor* v = gguf_->find(block + "attn_v_b.weight");
    if (k && v) return TRY_IN(place_of(gguf_->path(*k), k->name), join_kv_b(*k, *v));
  }
  return Error{fmt::format("{} ('{}' elsewhere): is missing", place_of(path_, stacked), name)};
}

// e_proj and h_proj of a module of DeepSeek-V4's stand side by side there.
Result<StoredTensor> Checkpoint::find_half_of_project(int layer, bool is_second) const {
  const std::string joined = fmt::format("blk.{}.nextn.eh_proj.weight", layer);
  const GgufTensor* found = gguf_->find(joined);
  if (!found) return Error{place_of(path_, joined) + ": is missing"};
  StoredTensor tensor = TRY(slice(*found, -1, 0, 1));
  const uint64_t width = uint64_t(config_.hidden_size);
  if (tensor.shape != std::vector<uint64_t>{width, 2 * width})
    return Error{fmt::format("{}: has shape [{}], but two matrices of [{}, {}] belong there",
                             tensor.place, fmt::join(tensor.shape, ", "), width, width)};
  tensor.shape = {width, width};
  if (width % type_traits(tensor.type).block == 0) {
    const size_t row = type_bytes(tensor.type, width);
    auto half = std::make_shared<std::vector<float>>(div_up(width * row, sizeof(float)));
    auto* to = reinterpret_cast<std::byte*>(half->data());
    for (uint64_t r = 0; r < width; ++r)
      std::memcpy(to + r * row, tensor.data + (2 * r + is_second) * row, row);
    tensor.data = to;
    tensor.owned = half;
    return tensor;
  }
  // A block has numbers of both.
  auto half = std::make_shared<std::vector<float>>(width * width);
  std::vector<float> both(2 * width);
  const size_t row = type_bytes(tensor.type, 2 * width);
  for (uint64_t r = 0; r < width; ++r) {
    kernels().dequantize(tensor.type, tensor.data + r * row, nullptr, both.data(), both.size());
    std::copy_n(both.data() + (is_second ? width : 0), width, half->data() + r * width);
  }
  tensor.type = WeightType::f32;
  tensor.data = reinterpret_cast<const std::byte*>(half->data());
  tensor.owned = half;
  return tensor;
}

// k: per head [rank][nope], the transpose of its rows in kv_b; v: per head [value][rank].
Result<StoredTensor> Checkpoint::join_kv_b(const GgufTensor& k, const GgufTensor& v) const {
  const uint64_t heads = uint64_t(config_.num_attention_heads),
                 rank = uint64_t(config_.kv_lora_rank), nope = uint64_t(config_.qk_nope_head_dim),
                 value = uint64_t(config_.v_head_dim);
  if (k.shape.back() != nope || product(k.shape) != heads * rank * nope || v.shape.back() != rank ||
      product(v.shape) != heads * value * rank)
    return Error{fmt::format(
        "has shape [{}] and '{}' has [{}], but the metadata ask for {} heads "
        "of {} keys and {} values over a rank of {}",
        fmt::join(k.shape, ", "), v.name, fmt::join(v.shape, ", "), heads, nope, value, rank)};
  const std::byte *key_data = TRY(gguf_->whole_data(k)).data(),
                  *values = TRY(gguf_->whole_data(v)).data();
  std::vector<float> keys(heads * rank * nope);
  auto joined = std::make_shared<std::vector<float>>(heads * (nope + value) * rank);
  kernels().dequantize(k.type, key_data, nullptr, keys.data(), keys.size());
  const size_t head_bytes = type_bytes(v.type, value * rank);
  for (uint64_t h = 0; h < heads; ++h) {
    float* to = joined->data() + h * (nope + value) * rank;
    for (uint64_t i = 0; i < nope; ++i)
      for (uint64_t j = 0; j < rank; ++j) to[i * rank + j] = keys[(h * rank + j) * nope + i];
    kernels().dequantize(v.type, values + h * head_bytes, nullptr, to + nope * rank, value * rank);
  }
  StoredTensor tensor;
  tensor.shape = {heads * (nope + value), rank};
  tensor.data = reinterpret_cast<const std::byte*>(joined->data());
  tensor.place = place_of(gguf_->path(k), k.name);
  tensor.owned = joined;
  return tensor;
}

std::vector<std::string> Checkpoint::unexpected() const {
  std::set<std::string> known;
  for (const TensorShape& tensor : all_tensors(config_))
    for (int i = 0; i < tensor.copies; ++i) {
      const std::string name = expert_name(tensor.name, i);
      known.insert(gguf_ ? gguf_name(name) : name);
      if (!gguf_ && config_.is_compressed())
        for (std::string& stored : stored_names(config_, name)) known.insert(std::move(stored));
    }
  std::vector<std::string> names;
  for_each_stored(
      [&](const std::string& name, const std::string&, const std::vector<uint64_t>&, uint64_t) {
        if (!gguf_ && known.count(std::string(kPart) + name)) return;
        if (!gguf_ && known.count(packed_weight_name(name))) return;
        if (sees_images_ && (known.count(packed_weight_name(text_name(name))) ||
                             is_image_name(name) || is_known_extra(config_, text_name(name))))
          return;
        if (!known.count(name) && !(gguf_ ? is_other_form(name) : is_known_extra(config_, name)))
          names.push_back(name);
      });
  return names;
}

void Checkpoint::for_each_stored(
    const std::function<void(const std::string& name, const std::string& type,
                             const std::vector<uint64_t>& shape, uint64_t bytes)>& see) const {
  if (gguf_) {
    for (const GgufTensor& tensor : gguf_->tensors())
      see(tensor.name, type_name(tensor.type), tensor.shape, tensor.bytes);
    return;
  }
  for (const std::string& name : folder_->names()) {
    const auto found = folder_->find(name);
    if (found)
      see(name, found->info->dtype, found->info->shape, found->info->end - found->info->begin);
  }
}

void decode_row(const StoredTensor& tensor, uint64_t row, float* to) {
  if (tensor.row_scales) return decode_scaled_row(tensor, row, to);
  if (tensor.packed) return tensor.packed->decode(row, to);
  const size_t columns = tensor.columns(), square = size_t(scale_square(tensor.type));
  const float* scales =
      tensor.scales ? tensor.scales + row / square * div_up(columns, square) : nullptr;
  kernels().dequantize(tensor.type, tensor.data + row * type_bytes(tensor.type, columns), scales,
                       to, columns);
}

void decode(const StoredTensor& tensor, float* to) {
  for (uint64_t row = 0; row < tensor.rows(); ++row)
    decode_row(tensor, row, to + row * tensor.columns());
}

}  // namespace weir
