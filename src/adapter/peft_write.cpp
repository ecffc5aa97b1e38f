// Writes the files of a folder of PEFT.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <map>
#include <set>

#include "adapter/peft.h"
#include "base/atomic_output.h"
#include "checkpoint/gguf_names.h"
#include "config/tensors.h"
#include "formats/safetensors.h"

namespace weir {
namespace {

std::string leaf_of(const std::string& name) { return name.substr(name.rfind('.') + 1); }

// What PEFT matches modules by: the last parts of the names where all modules of such a name have
// an adapter, else whole names.
Json target_modules(const LoraAdapter& adapter, const ModelConfig& config) {
  std::set<std::string> have, words, whole;
  for (const LoraModule& module : adapter.modules) have.insert(module.name);
  for (const std::string& name : have) words.insert(leaf_of(name));
  for (int layer = 0; layer < config.num_hidden_layers; ++layer)
    for (const TensorShape& tensor : layer_tensors(config, layer)) {
      if (tensor.shape.size() != 2) continue;
      const std::string name = tensor.name.substr(0, tensor.name.rfind(".weight"));
      if (!have.count(name)) words.erase(leaf_of(name));
    }
  Json targets = Json::array();
  for (const std::string& word : words) targets.push(word);
  for (const LoraModule& module : adapter.modules)
    if (!words.count(leaf_of(module.name)))
      for (int e = 0; e < module.groups; ++e) targets.push(expert_name(module.name, e));
  return targets;
}

std::string escaped(const std::string& name) {
  std::string text;
  for (const char c : name) text += c == '.' ? "\\." : std::string(1, c);
  return text;
}

// The pattern of every module whose value is not the common one: its name, or all experts of it.
std::string pattern_of(const LoraModule& module) {
  std::string pattern = escaped(module.name);
  if (const size_t at = pattern.find("{}"); at != std::string::npos) pattern.replace(at, 2, "\\d+");
  return pattern;
}

double alpha_of(const LoraModule& module, bool rank_stabilized) {
  const double rank = double(module.rank);
  const double alpha = double(module.scale) * (rank_stabilized ? std::sqrt(rank) : rank);
  // As people wrote it: 16 and not 15.9999998, where f32 cannot tell them apart.
  const double near = std::round(alpha * 1024) / 1024;
  return float(near / (rank_stabilized ? std::sqrt(rank) : rank)) == module.scale ? near : alpha;
}

// use(name, shape, values) for every tensor of the file.
template <class Adapter, class Use>
Result<void> for_each_tensor(Adapter& adapter, const Use& use) {
  for (auto& module : adapter.modules)
    for (int e = 0; e < module.groups; ++e) {
      const std::string name = "base_model.model." + expert_name(module.name, e);
      const size_t a = size_t(module.rank) * size_t(module.inputs),
                   b = size_t(module.outputs) * size_t(module.rank);
      TRY(use(name + ".lora_A.weight",
              std::vector<uint64_t>{uint64_t(module.rank), uint64_t(module.inputs)},
              std::span(module.a).subspan(size_t(e) * a, a)));
      TRY(use(name + ".lora_B.weight",
              std::vector<uint64_t>{uint64_t(module.outputs), uint64_t(module.rank)},
              std::span(module.b).subspan(size_t(e) * b, b)));
      if (!module.magnitude.empty())
        TRY(use(name + ".lora_magnitude_vector", std::vector<uint64_t>{uint64_t(module.outputs)},
                std::span(module.magnitude)));
    }
  return {};
}

Json config_of(const LoraAdapter& adapter, const ModelConfig& config) {
  const bool rs = adapter.is_rank_stabilized;
  std::map<int, size_t> ranks;
  for (const LoraModule& module : adapter.modules) ++ranks[module.rank];
  const int rank = std::max_element(ranks.begin(), ranks.end(), [](const auto& a, const auto& b) {
                     return a.second < b.second;
                   })->first;
  double alpha = alpha_of(adapter.modules[0], rs);
  for (const LoraModule& module : adapter.modules)
    if (module.rank == rank) {
      alpha = alpha_of(module, rs);
      break;
    }
  Json rank_pattern = Json::object(), alpha_pattern = Json::object();
  for (const LoraModule& module : adapter.modules) {
    if (module.rank != rank) rank_pattern.set(pattern_of(module), module.rank);
    if (alpha_of(module, rs) != alpha) alpha_pattern.set(pattern_of(module), alpha_of(module, rs));
  }
  Json json = Json::object();
  json.set("peft_type", "LORA");
  json.set("task_type", "CAUSAL_LM");
  json.set("base_model_name_or_path", adapter.base.empty() ? Json() : Json(adapter.base));
  json.set("inference_mode", true);
  json.set("r", rank);
  json.set("lora_alpha", alpha == std::floor(alpha) ? Json(int64_t(alpha)) : Json(alpha));
  json.set("use_rslora", rs);
  json.set("use_dora", adapter.has_magnitudes());
  json.set("lora_dropout", 0.0);
  json.set("bias", "none");
  json.set("fan_in_fan_out", false);
  json.set("init_lora_weights", true);
  json.set("modules_to_save", Json());
  json.set("target_modules", target_modules(adapter, config));
  json.set("rank_pattern", std::move(rank_pattern));
  json.set("alpha_pattern", std::move(alpha_pattern));
  return json;
}

}  // namespace

Result<std::string> write_peft_weights(const std::string& path, const LoraAdapter& adapter) {
  std::vector<TensorSource> tensors;
  TRY(for_each_tensor(adapter, [&](const std::string& name, std::vector<uint64_t> shape,
                                   std::span<const float> values) {
    tensors.push_back({name, "F32", std::move(shape), std::as_bytes(values)});
    return Result<void>();
  }));
  return write_safetensors(path, std::move(tensors), {{"format", "pt"}});
}

Result<void> read_peft_weights(const std::string& path, LoraAdapter& adapter) {
  const SafetensorsFile file = TRY(SafetensorsFile::open(path));
  return for_each_tensor(
      adapter,
      [&](const std::string& name, const std::vector<uint64_t>& shape,
          std::span<float> values) -> Result<void> {
        const TensorInfo* info = file.find(name);
        if (!info || info->dtype != "F32" || info->shape != shape)
          return Error{
              fmt::format("{}: tensor '{}' is missing or has another shape or type; the file "
                          "belongs to another adapter",
                          path, name)};
        std::memcpy(values.data(), file.data(*info).data(), values.size_bytes());
        for (const float value : values)
          if (!std::isfinite(value))
            return Error{
                fmt::format("{}: tensor '{}' holds a value that is not finite", path, name)};
        return {};
      });
}

Result<void> write_peft_config(const std::string& path, const LoraAdapter& adapter,
                               const ModelConfig& config) {
  return write_file_atomic(path, config_of(adapter, config).dump(2) + "\n");
}

}  // namespace weir
