#include "adapter/lora_gguf.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <optional>

#include "base/text.h"
#include "checkpoint/checkpoint.h"
#include "checkpoint/gguf_names.h"
#include "config/config_families.h"
#include "config/gguf_config.h"
#include "config/tensors.h"
#include "formats/gguf.h"

namespace weir {
namespace {

constexpr std::string_view kA = ".lora_a", kB = ".lora_b";

// Rows of B are those of the projection, whose order llama.cpp changes for some architectures.
std::vector<float> reordered(const LoraModule& module, const ModelConfig& config, bool to_gguf) {
  if (!permutes_gguf_rows(config) || !has_rope_rows(module.name + ".")) return module.b;
  std::vector<float> rows(module.b.size());
  const size_t rank = size_t(module.rank);
  for (size_t r = 0; r < size_t(module.outputs); ++r) {
    const size_t there = Checkpoint::permuted_row(r, uint64_t(config.head_dim));
    const size_t from = to_gguf ? r : there, to = to_gguf ? there : r;
    std::copy_n(module.b.begin() + std::ptrdiff_t(from * rank), rank,
                rows.begin() + std::ptrdiff_t(to * rank));
  }
  return rows;
}

// Names of the base's projections by GGUF's.
std::map<std::string, LoraTarget> names_of(const ModelConfig& config) {
  std::map<std::string, LoraTarget> names;
  std::vector<std::string> all = {"all-linear"};
  if (config.n_routed_experts > 0) all.push_back("router");
  Result<std::vector<LoraTarget>> targets = lora_targets(config, all);
  if (!targets) targets = lora_targets(config, {"all-linear"});
  if (!targets) return names;
  for (LoraTarget& target : *targets) {
    const std::string name = gguf_name(target.name + ".weight");
    names.emplace(name, std::move(target));
  }
  return names;
}

struct Halves {
  const GgufTensor *a = nullptr, *b = nullptr;
};

Result<std::vector<float>> values_of(const GgufFile& file, const GgufTensor& tensor) {
  uint64_t count = 1;
  for (const uint64_t dimension : tensor.shape) count *= dimension;
  if (type_traits(tensor.type).block > 1 && tensor.shape.back() % 32 != 0)
    return Error{"has rows that are no whole blocks"};
  std::vector<float> values(count);
  const std::span<const std::byte> data = TRY(file.whole_data(tensor));
  dequantize_row(tensor.type, data.data(), nullptr, values.data(), values.size());
  for (const float value : values)
    if (!std::isfinite(value)) return Error{"holds a value that is not finite"};
  return values;
}

// [groups][rows][columns] of a shape, experts first.
Result<std::vector<uint64_t>> shape_of(const GgufTensor& tensor) {
  std::vector<uint64_t> shape = tensor.shape;
  while (shape.size() > 3 && shape[0] == 1) shape.erase(shape.begin());
  if (shape.size() == 2) shape.insert(shape.begin(), 1);
  for (const uint64_t dimension : shape)
    if (dimension == 0 || dimension > (uint64_t(1) << 24)) shape.clear();
  if (shape.size() != 3) return Error{"has another shape than an adapter's"};
  return shape;
}

Result<LoraModule> module_of(const GgufFile& file, const LoraTarget& target, const Halves& halves,
                             double alpha) {
  const std::vector<uint64_t> a = TRY_IN(halves.a->name, shape_of(*halves.a)),
                              b = TRY_IN(halves.b->name, shape_of(*halves.b));
  if (a[0] != b[0] || a[1] != b[2] || a[1] > uint64_t(kLoraRankMax))
    return Error{
        fmt::format("'{}': lora_a is {} x {} and lora_b {} x {}; rows of the first and "
                    "columns of the second are the rank, at most {}",
                    target.name, a[1], a[2], b[1], b[2], kLoraRankMax)};
  LoraModule module{target.name, int(a[2]), int(b[1]), int(a[1]), int(a[0]), 1, {}, {}};
  // llama.cpp (llama-adapter.h): alpha / rank, or 1 where the file states no alpha.
  if (alpha != 0) module.scale = float(alpha / double(module.rank));
  module.a = TRY_IN(halves.a->name, values_of(file, *halves.a));
  module.b = TRY_IN(halves.b->name, values_of(file, *halves.b));
  return module;
}

}  // namespace

Result<LoraAdapter> read_lora_gguf(const std::string& path, const ModelConfig& config) {
  const GgufFile file = TRY(GgufFile::open(path));
  const GgufMetadata& metadata = file.metadata();
  const auto text = [&](const char* key) {
    const auto found = metadata.string_at(key);
    return found ? *found : std::string();
  };
  if (text("general.type") != "adapter")
    return Error{path + ": is no adapter ('general.type' is not \"adapter\") but a model"};
  if (text("adapter.type") != "lora")
    return Error{fmt::format("{}: 'adapter.type' is '{}'; only \"lora\" is supported", path,
                             printable(text("adapter.type")))};
  const ModelFamily* family = find_family(config.model_type);
  const std::string architecture = text("general.architecture");
  if (family && architecture != family->gguf_architecture)
    return Error{
        fmt::format("{}: the adapter is for another base: it is for architecture '{}', "
                    "this model is '{}'",
                    path, printable(architecture), family->gguf_architecture)};
  double alpha = 0;
  if (metadata.find("adapter.lora.alpha"))
    alpha = TRY_IN(path, metadata.double_at("adapter.lora.alpha"));
  if (!std::isfinite(alpha) || std::fabs(alpha) > 1e6)
    return Error{fmt::format("{}: 'adapter.lora.alpha' is {}", path, alpha)};
  const std::map<std::string, LoraTarget> names = names_of(config);
  std::map<std::string, Halves> pairs;
  for (const GgufTensor& tensor : file.tensors()) {
    const bool is_a = tensor.name.ends_with(kA);
    if (!is_a && !tensor.name.ends_with(kB))
      return Error{fmt::format("{}: tensor '{}' is no part of a low-rank adapter", path,
                               printable(tensor.name))};
    Halves& pair = pairs[tensor.name.substr(0, tensor.name.size() - kA.size())];
    (is_a ? pair.a : pair.b) = &tensor;
  }
  LoraAdapter adapter;
  adapter.base = text("general.base_model.0.name");
  for (const auto& [name, pair] : pairs) {
    const auto target = names.find(name);
    if (target == names.end())
      return Error{
          fmt::format("{}: the adapter is for another base: '{}' is no projection of "
                      "this model",
                      path, printable(name))};
    if (!pair.a || !pair.b)
      return Error{
          fmt::format("{}: '{}' has only one of lora_a and lora_b", path, printable(name))};
    LoraModule module = TRY_IN(path, module_of(file, target->second, pair, alpha));
    if (module.groups == 1 && module.outputs == target->second.outputs)
      module.b = reordered(module, config, false);
    adapter.modules.push_back(std::move(module));
  }
  return adapter;
}

Result<void> write_lora_gguf(const std::string& path, const LoraAdapter& adapter,
                             const ModelConfig& config) {
  const ModelFamily* family = find_family(config.model_type);
  if (!family || !family->gguf_architecture)
    return Error{fmt::format("llama.cpp has no architecture for '{}'", config.model_type)};
  if (adapter.has_magnitudes())
    return Error{
        "llama.cpp has no DoRA, and its file no place for magnitudes; merge the adapter into its "
        "base (weir adapter merge) and convert that"};
  for (const LoraModule& module : adapter.modules)
    if (module.name.ends_with(".kv_b_proj"))
      return Error{fmt::format(
          "'{}': llama.cpp splits this projection in two and applies adapters to neither; merge "
          "the adapter into its base (weir adapter merge) and convert that",
          module.name)};
  const LoraModule& first = adapter.modules[0];
  const double alpha = double(first.scale) * first.rank;
  GgufMetadata metadata;
  metadata.set("general.type", std::string("adapter"));
  metadata.set("general.architecture", std::string(family->gguf_architecture));
  metadata.set("adapter.type", std::string("lora"));
  metadata.set("adapter.lora.alpha", alpha);
  metadata.set("general.file_type", int64_t(0));
  if (!adapter.base.empty()) {
    metadata.set("general.base_model.count", int64_t(1));
    metadata.set("general.base_model.0.name", adapter.base);
  }
  std::vector<GgufWriter::Tensor> infos;
  std::vector<std::vector<float>> values;
  for (const LoraModule& module : adapter.modules) {
    const std::string name = gguf_name(module.name + ".weight");
    std::vector<uint64_t> a{uint64_t(module.rank), uint64_t(module.inputs)},
        b{uint64_t(module.outputs), uint64_t(module.rank)};
    if (module.groups > 1) {
      a.insert(a.begin(), uint64_t(module.groups));
      b.insert(b.begin(), uint64_t(module.groups));
    }
    infos.push_back({name + std::string(kA), WeightType::f32, std::move(a)});
    infos.push_back({name + std::string(kB), WeightType::f32, std::move(b)});
    values.push_back(module.a);
    values.push_back(reordered(module, config, true));
    const float factor = float(double(module.scale) * module.rank / alpha);
    if (factor != 1)
      for (float& value : values.back()) value *= factor;
  }
  GgufWriter writer = TRY(GgufWriter::create(path, metadata, std::move(infos)));
  for (const std::vector<float>& tensor : values)
    TRY(writer.write(std::as_bytes(std::span<const float>(tensor))));
  TRY(writer.finish());
  return {};
}

}  // namespace weir
