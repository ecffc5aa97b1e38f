#include "adapter/lora.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include "adapter/lora_gguf.h"
#include "adapter/peft.h"
#include "base/atomic_output.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/random.h"
#include "base/text.h"
#include "checkpoint/gguf_names.h"
#include "config/tensors.h"
#include "formats/gguf.h"

namespace weir {
namespace {

constexpr std::string_view kWeight = ".weight";

std::string last_part(const std::string& name) { return name.substr(name.rfind('.') + 1); }
bool is_of_experts(const std::string& name) { return name.find("{}") != std::string::npos; }

// Not what makes entries or choices of them, mixes streams, or multiplies groups of columns
// (DeepSeek-V4).
bool takes_adapter(const TensorShape& tensor) {
  const std::string& name = tensor.name;
  for (const char* part : {".indexer.", ".compressor.", ".o_a_proj."})
    if (name.find(part) != std::string::npos) return false;
  return tensor.shape.size() == 2 && name.ends_with(kWeight);
}

// Every projection that can have an adapter, in the order of the model's tensors.
std::vector<LoraTarget> projections(const ModelConfig& config) {
  std::vector<LoraTarget> found;
  for (int layer = 0; layer < config.num_hidden_layers; ++layer)
    for (const TensorShape& tensor : layer_tensors(config, layer)) {
      if (!takes_adapter(tensor)) continue;
      found.push_back({tensor.name.substr(0, tensor.name.size() - kWeight.size()),
                       int(tensor.shape[1]), int(tensor.shape[0]), tensor.copies});
    }
  return found;
}

bool is_router(const std::string& name) { return name.ends_with(".mlp.gate"); }

bool is_named(const std::string& name, const std::string& target) {
  if (target == "all-linear") return !is_router(name);
  if (target == "experts") return is_of_experts(name);
  if (target == "router") return is_router(name);
  return last_part(name) == target && !is_router(name);
}

// As a file of another base has them.
std::string misfit(const LoraModule& module, const LoraTarget* projection) {
  if (!projection)
    return fmt::format("'{}' is no projection of this model", printable(module.name));
  return fmt::format(
      "'{}' is of {} x {}{}, this model's is of {} x {}{}", module.name, module.outputs,
      module.inputs, module.groups > 1 ? fmt::format(" in {} experts", module.groups) : "",
      projection->outputs, projection->inputs,
      projection->groups > 1 ? fmt::format(" in {} experts", projection->groups) : "");
}

}  // namespace

int64_t LoraAdapter::numbers() const {
  int64_t count = 0;
  for (const LoraModule& module : modules)
    count += int64_t(module.a.size() + module.b.size() + module.magnitude.size());
  return count;
}

bool LoraAdapter::has_magnitudes() const {
  return !modules.empty() && !modules[0].magnitude.empty();
}

int LoraAdapter::rank_max() const {
  int most = 0;
  for (const LoraModule& module : modules) most = std::max(most, module.rank);
  return most;
}

float LoraRecipe::scale() const {
  return float(alpha_or_default() / (rank_stabilized ? std::sqrt(double(rank)) : double(rank)));
}

Result<std::vector<LoraTarget>> lora_targets(const ModelConfig& config,
                                             const std::vector<std::string>& targets) {
  const std::vector<LoraTarget> all = projections(config);
  std::set<std::string> used;
  std::vector<LoraTarget> chosen;
  for (const LoraTarget& projection : all) {
    bool is_chosen = false;
    for (const std::string& target : targets)
      if (is_named(projection.name, target)) used.insert(target), is_chosen = true;
    if (is_chosen) chosen.push_back(projection);
  }
  for (const std::string& target : targets) {
    if (used.count(target)) continue;
    std::vector<std::string> words = {"all-linear"};
    for (const LoraTarget& projection : all) {
      const std::string word = is_router(projection.name) ? "router" : last_part(projection.name);
      if (std::find(words.begin(), words.end(), word) == words.end()) words.push_back(word);
      if (is_of_experts(projection.name) &&
          std::find(words.begin(), words.end(), "experts") == words.end())
        words.push_back("experts");
    }
    return Error{fmt::format("target '{}' names no projection of this model; there are: {}",
                             printable(target), fmt::join(words, ", "))};
  }
  if (chosen.empty()) return Error{"no target is named; 'all-linear' is every projection"};
  return chosen;
}

Result<int64_t> lora_numbers(const ModelConfig& config, const LoraRecipe& recipe) {
  int64_t count = 0;
  for (const LoraTarget& target : TRY(lora_targets(config, recipe.targets)))
    count += int64_t(recipe.rank) * target.groups * (target.inputs + target.outputs) +
             (recipe.dora ? target.outputs : 0);
  return count;
}

Result<void> check_magnitude(const std::string& module) {
  if (!is_of_experts(module) && !is_router(module)) return {};
  return Error{
      fmt::format("DoRA of {} ('{}') is not supported; name other targets, such as q_proj,v_proj, "
                  "or leave DoRA "
                  "out",
                  is_router(module) ? "routers" : "routed experts", module)};
}

Result<LoraAdapter> make_lora(const ModelConfig& config, const LoraRecipe& recipe, uint64_t seed) {
  if (recipe.rank < 1 || recipe.rank > kNewRankMax)
    return Error{
        fmt::format("an adapter's rank must be in [1, {}], not {}", kNewRankMax, recipe.rank)};
  LoraAdapter adapter;
  adapter.is_rank_stabilized = recipe.rank_stabilized;
  for (const LoraTarget& target : TRY(lora_targets(config, recipe.targets))) {
    if (recipe.dora) TRY(check_magnitude(target.name));
    LoraModule module{
        target.name, target.inputs, target.outputs, recipe.rank, target.groups, recipe.scale(), {},
        {}};
    const size_t rows = size_t(target.groups) * size_t(recipe.rank);
    module.a.resize(rows * size_t(target.inputs));
    module.b.resize(size_t(target.groups) * size_t(target.outputs) * size_t(recipe.rank));
    Random random(seed, fnv1a(target.name + ".lora_A"));
    const float bound = float(1 / std::sqrt(double(target.inputs)));
    for (float& value : module.a) value = bound * (2 * random.uniform() - 1);
    if (recipe.dora) module.magnitude.resize(size_t(target.outputs));
    adapter.modules.push_back(std::move(module));
  }
  return adapter;
}

Result<void> fit_to(const ModelConfig& config, LoraAdapter& adapter) {
  const std::vector<LoraTarget> all = projections(config);
  std::map<std::string, size_t> place;
  for (size_t i = 0; i < all.size(); ++i) place[all[i].name] = i;
  for (const LoraModule& module : adapter.modules) {
    const auto found = place.find(module.name);
    const LoraTarget* projection = found == place.end() ? nullptr : &all[found->second];
    if (projection && projection->inputs == module.inputs &&
        projection->outputs == module.outputs && projection->groups == module.groups)
      continue;
    return Error{fmt::format(
        "{}: the adapter is for another base: {}{}", adapter.place, misfit(module, projection),
        adapter.base.empty() ? ""
                             : fmt::format("; it was made for '{}'", printable(adapter.base)))};
  }
  std::sort(
      adapter.modules.begin(), adapter.modules.end(),
      [&](const LoraModule& a, const LoraModule& b) { return place[a.name] < place[b.name]; });
  return {};
}

std::string lora_words(const LoraAdapter& adapter) {
  std::set<int> layers;
  std::vector<std::string> words;
  int least = kLoraRankMax;
  for (const LoraModule& module : adapter.modules) {
    layers.insert(layer_of(module.name + "."));
    least = std::min(least, module.rank);
    const std::string word =
        (is_of_experts(module.name) ? "experts' " : "") + last_part(module.name);
    if (std::find(words.begin(), words.end(), word) == words.end()) words.push_back(word);
  }
  const int most = adapter.rank_max();
  return fmt::format("{} layer{}, {}, {}rank {}, {} numbers", layers.size(),
                     layers.size() == 1 ? "" : "s", fmt::join(words, " "),
                     adapter.has_magnitudes() ? "with magnitudes (DoRA), " : "",
                     least == most ? std::to_string(most) : fmt::format("{} to {}", least, most),
                     format_count(double(adapter.numbers())));
}

void fold_row(const LoraModule& m, uint64_t group, uint64_t row, float* values) {
  const size_t rank = size_t(m.rank), inputs = size_t(m.inputs);
  const float* b = m.b.data() + (group * uint64_t(m.outputs) + row) * rank;
  const float* a = m.a.data() + group * rank * inputs;
  for (size_t k = 0; k < rank; ++k) {
    const float factor = m.scale * b[k];
    for (size_t i = 0; i < inputs; ++i) values[i] += factor * a[k * inputs + i];
  }
  if (m.magnitude.empty()) return;
  double sum = 0;
  for (size_t i = 0; i < inputs; ++i) sum += double(values[i]) * double(values[i]);
  if (sum == 0) return;
  const float factor = float(double(m.magnitude[row]) / std::sqrt(sum));
  for (size_t i = 0; i < inputs; ++i) values[i] *= factor;
}

Result<LoraAdapter> read_lora(const std::string& path, const ModelConfig& config) {
  LoraAdapter adapter;
  if (is_directory(path))
    adapter = TRY(read_peft(path, config));
  else if (file_exists(path) && is_gguf(path))
    adapter = TRY(read_lora_gguf(path, config));
  else
    return Error{
        fmt::format("{}: is no adapter: give a folder with {}, or a .gguf file of "
                    "llama.cpp's LoRA",
                    path, kPeftConfig)};
  adapter.place = path;
  if (adapter.modules.empty()) return Error{path + ": holds no adapter of any projection"};
  TRY(fit_to(config, adapter));
  return adapter;
}

Result<void> write_lora(const std::string& path, const LoraAdapter& adapter,
                        const ModelConfig& config) {
  if (has_gguf_name(path)) return write_lora_gguf(path, adapter, config);
  if (file_exists(path) || is_directory(path))
    return Error{path + ": is there already; give another folder"};
  AtomicFolder folder = TRY(AtomicFolder::create(path));
  const auto write = [&]() -> Result<void> {
    TRY(write_peft_weights(join_path(folder.path(), kPeftWeights), adapter));
    return write_peft_config(join_path(folder.path(), kPeftConfig), adapter, config);
  };
  Result<void> written = write();
  if (!written) return folder.named(std::move(written).error());
  return folder.finish();
}

}  // namespace weir
