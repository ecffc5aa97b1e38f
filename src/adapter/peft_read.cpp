// Reads a folder of PEFT, whichever generation of names it has.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <optional>

#include "adapter/peft.h"
#include "base/file.h"
#include "base/text.h"
#include "checkpoint/checkpoint.h"
#include "checkpoint/gguf_names.h"
#include "formats/safetensors.h"
#include "kernels/quant/blocks.h"

namespace weir {
namespace {

constexpr std::string_view kPrefix = "base_model.model.", kExperts = ".mlp.experts",
                           kMagnitude = ".lora_magnitude_vector";

// [rows][cols] of f32.
struct Numbers {
  int rows = 0, cols = 0;
  std::vector<float> values;
};
struct Pair {
  std::optional<Numbers> a, b;
  std::vector<float> magnitude = {};  // empty: none
};

// "model.layers.0.self_attn.q_proj" and 'A' of
// "base_model.model.model.layers.0.self_attn.q_proj.lora_A.weight"; an adapter's name may stand
// before "weight". 'M' of ".lora_magnitude_vector", which has no "weight" in newer files.
struct Key {
  std::string module;
  char part = 0;
};
Result<Key> key_of(const std::string& name) {
  std::string rest = name;
  if (rest.starts_with(kPrefix)) rest.erase(0, kPrefix.size());
  if (const size_t at = rest.rfind(kMagnitude); at != std::string::npos) {
    std::string module = rest.substr(0, at);
    if (module.starts_with("layers.")) module = "model." + module;
    return Key{std::move(module), 'M'};
  }
  for (const char part : {'A', 'B'}) {
    const std::string mark = std::string(".lora_") + part + ".";
    const size_t at = rest.rfind(mark);
    if (at == std::string::npos || !rest.ends_with("weight")) continue;
    std::string module = rest.substr(0, at);
    if (module.starts_with("layers.")) module = "model." + module;  // of a model without a head
    return Key{std::move(module), part};
  }
  if (rest.find("embed") != std::string::npos || rest.find("lm_head") != std::string::npos)
    return Error{
        fmt::format("tensor '{}': adapters of embedding and head are not supported; merge "
                    "it into its base with PEFT first",
                    printable(name))};
  return Error{
      fmt::format("tensor '{}' is no part of a low-rank adapter as weir reads it; merge "
                  "it into its base with PEFT first",
                  printable(name))};
}

Result<Numbers> numbers_of(const SafetensorsFile& file, TensorInfo info) {
  if (info.shape.size() == 1) info.shape.insert(info.shape.begin(), 1);  // magnitudes
  if (info.shape.size() != 2 || info.shape[0] == 0 || info.shape[1] == 0 ||
      info.shape[0] > (uint64_t(1) << 30) || info.shape[1] > (uint64_t(1) << 24))
    return Error{"has another shape than rows and columns"};
  const WeightType type = TRY(weight_type(info.dtype));
  if (type_traits(type).block > 1 || has_scale_squares(type))
    return Error{"is of type " + info.dtype + "; adapters are F32, F16 or BF16"};
  Numbers numbers{int(info.shape[0]), int(info.shape[1]), {}};
  numbers.values.resize(size_t(info.elements()));
  dequantize_row(type, file.data(info).data(), nullptr, numbers.values.data(),
                 numbers.values.size());
  for (const float value : numbers.values)
    if (!std::isfinite(value)) return Error{"holds a value that is not finite"};
  return numbers;
}

class Reader {
 public:
  Reader(const ModelConfig& config, const PeftSettings& settings)
      : config_(config), settings_(settings) {}

  Result<void> add(const std::string& module, Pair pair) {
    if (settings_.has_magnitudes() && module.find(kExperts) != std::string::npos)
      return check_magnitude(module.substr(0, module.find(kExperts)) + ".mlp.experts.{}");
    if (!pair.a || !pair.b)
      return Error{fmt::format("'{}' has only one of lora_A and lora_B", printable(module))};
    if (module.ends_with(kExperts) || module.ends_with(std::string(kExperts) + ".base_layer"))
      return add_fused(module, *pair.a, *pair.b);
    const int rank = pair.a->rows;
    if (rank != pair.b->cols || rank > kLoraRankMax)
      return Error{
          fmt::format("'{}': lora_A has {} rows and lora_B {} columns; both are the rank, "
                      "at most {}",
                      printable(module), rank, pair.b->cols, kLoraRankMax)};
    const float scale = TRY(settings_.scale_of(module, rank));
    TRY(check_pair(module, pair));
    const ExpertName expert = split_expert_name(module + ".");
    if (expert.expert < 0) {
      modules_[module] = {module,
                          pair.a->cols,
                          pair.b->rows,
                          rank,
                          1,
                          scale,
                          std::move(pair.a->values),
                          std::move(pair.b->values),
                          std::move(pair.magnitude)};
      return {};
    }
    const std::string name = expert.pattern.substr(0, expert.pattern.size() - 1);
    if (expert.expert >= config_.n_routed_experts)
      return Error{fmt::format("'{}': the model has {} experts", printable(module),
                               config_.n_routed_experts)};
    experts_[name][expert.expert] = {scale, std::move(*pair.a), std::move(*pair.b)};
    return {};
  }

  Result<std::vector<LoraModule>> finish() {
    for (auto& [name, experts] : experts_) modules_[name] = TRY_IN(name, join(name, experts));
    std::vector<LoraModule> modules;
    for (auto& [name, module] : modules_) modules.push_back(std::move(module));
    return modules;
  }

 private:
  struct One {
    float scale;
    Numbers a, b;
  };

  // The experts' own adapters as one; those without one, and what lacks to the largest rank, are 0.
  Result<LoraModule> join(const std::string& name, const std::map<int, One>& experts) const {
    const One& first = experts.begin()->second;
    LoraModule joined{
        name, first.a.cols, first.b.rows, 0, config_.n_routed_experts, first.scale, {}, {}};
    for (const auto& [number, one] : experts) {
      joined.rank = std::max(joined.rank, one.a.rows);
      if (one.a.cols != joined.inputs || one.b.rows != joined.outputs)
        return Error{"the adapters of its experts have different shapes"};
    }
    const size_t rank = size_t(joined.rank), inputs = size_t(joined.inputs),
                 outputs = size_t(joined.outputs), groups = size_t(joined.groups);
    joined.a.resize(groups * rank * inputs);
    joined.b.resize(groups * outputs * rank);
    for (const auto& [number, one] : experts) {
      std::copy(one.a.values.begin(), one.a.values.end(),
                joined.a.begin() + std::ptrdiff_t(size_t(number) * rank * inputs));
      const float factor = one.scale == joined.scale ? 1 : one.scale / joined.scale;
      const size_t own = size_t(one.b.cols);
      for (size_t r = 0; r < outputs; ++r)
        for (size_t k = 0; k < own; ++k)
          joined.b[(size_t(number) * outputs + r) * rank + k] = factor * one.b.values[r * own + k];
    }
    return joined;
  }

  // Magnitudes where the configuration says so, as many as rows, and nowhere else.
  Result<void> check_pair(const std::string& module, const Pair& pair) const {
    if (settings_.has_magnitudes()) TRY(check_magnitude(module));
    const size_t wanted = settings_.has_magnitudes() ? size_t(pair.b->rows) : 0;
    if (pair.magnitude.size() == wanted) return {};
    return Error{fmt::format("'{}': has {} magnitudes, and with 'use_dora' {} there are {}",
                             printable(module), pair.magnitude.size(),
                             settings_.has_magnitudes() ? "on" : "off", wanted)};
  }

  // transformers 5: A is [experts * rank][inputs], B [outputs][rank * experts], the expert being
  // the faster index (peft/tuners/lora/layer.py, ParamWrapper.get_delta_weight).
  Result<void> add_fused(const std::string& module, const Numbers& a, const Numbers& b) {
    const int experts = config_.n_routed_experts, hidden = config_.hidden_size,
              width = config_.moe_intermediate_size;
    const std::string layer = module.substr(0, module.rfind(kExperts));
    if (experts == 0 || a.rows % experts != 0 || a.rows != b.cols ||
        a.rows / experts > kLoraRankMax)
      return Error{
          fmt::format("'{}': lora_A has {} rows and lora_B {} columns; both are the rank "
                      "for each of {} experts",
                      printable(module), a.rows, b.cols, experts)};
    const bool is_down = a.cols == width && b.rows == hidden;
    if (!is_down && !(a.cols == hidden && b.rows == 2 * width))
      return Error{
          fmt::format("'{}': changes {} x {}; the experts of this model are {} x {} and "
                      "{} x {}",
                      printable(module), b.rows, a.cols, 2 * width, hidden, hidden, width)};
    const int rank = a.rows / experts;
    const char* parameter = is_down ? ".mlp.experts.down_proj" : ".mlp.experts.gate_up_proj";
    const float scale = TRY(settings_.scale_of(layer + parameter, rank));
    if (is_down) return put_fused(layer, "down_proj", a, b, 0, hidden, rank, scale);
    TRY(put_fused(layer, "gate_proj", a, b, 0, width, rank, scale));
    return put_fused(layer, "up_proj", a, b, width, width, rank, scale);
  }

  // Rows [begin, begin + outputs) of B.
  Result<void> put_fused(const std::string& layer, const char* projection, const Numbers& a,
                         const Numbers& b, int begin, int outputs, int rank, float scale) {
    const size_t experts = size_t(config_.n_routed_experts);
    LoraModule module{layer + ".mlp.experts.{}." + projection,
                      a.cols,
                      outputs,
                      rank,
                      config_.n_routed_experts,
                      scale,
                      a.values,
                      {}};
    module.b.reserve(experts * size_t(outputs) * size_t(rank));
    for (size_t e = 0; e < experts; ++e)
      for (int r = 0; r < outputs; ++r)
        for (int k = 0; k < rank; ++k)
          module.b.push_back(
              b.values[size_t(begin + r) * size_t(b.cols) + size_t(k) * experts + e]);
    const std::string name = module.name;
    modules_[name] = std::move(module);
    return {};
  }

  const ModelConfig& config_;
  const PeftSettings& settings_;
  std::map<std::string, LoraModule> modules_;
  std::map<std::string, std::map<int, One>> experts_;
};

}  // namespace

Result<LoraAdapter> read_peft(const std::string& folder, const ModelConfig& config) {
  const std::string config_path = join_path(folder, kPeftConfig),
                    path = join_path(folder, kPeftWeights);
  if (!file_exists(config_path))
    return Error{
        fmt::format("{}: no {} is there, so it is no adapter of PEFT", folder, kPeftConfig)};
  const Json json = TRY(read_json_file(config_path));
  const PeftSettings settings = TRY_IN(config_path, PeftSettings::parse(json));
  if (!file_exists(path))
    return Error{
        fmt::format("{}: no {} is there (a pickled adapter_model.bin is never opened; "
                    "save it again with safe_serialization)",
                    folder, kPeftWeights)};
  const SafetensorsFile file = TRY(SafetensorsFile::open(path));
  std::map<std::string, Pair> pairs;
  for (const TensorInfo& info : file.tensors()) {
    const Key key = TRY_IN(path, key_of(info.name));
    Pair& pair = pairs[key.module];
    Numbers numbers =
        TRY_IN(fmt::format("{}: tensor '{}'", path, printable(info.name)), numbers_of(file, info));
    if (key.part == 'M')
      pair.magnitude = std::move(numbers.values);
    else
      (key.part == 'A' ? pair.a : pair.b) = std::move(numbers);
  }
  Reader reader(config, settings);
  for (auto& [module, pair] : pairs) TRY_IN(path, reader.add(module, std::move(pair)));
  LoraAdapter adapter;
  adapter.base = settings.base();
  adapter.is_rank_stabilized = settings.is_rank_stabilized();
  adapter.modules = TRY_IN(path, reader.finish());
  return adapter;
}

}  // namespace weir
