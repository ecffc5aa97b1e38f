// Adapters of an opened model: their numbers in its memory, and the layers' way to them.
#include <fmt/format.h>

#include <algorithm>

#include "adapter/lora.h"
#include "base/sha256.h"
#include "checkpoint/checkpoint.h"
#include "checkpoint/gguf_names.h"
#include "model/model.h"
#include "ops/weight_norms.h"
#include "tensor/panel_set.h"
#include "tensor/table_reader.h"

namespace weir {

struct Model::Adapter {
  std::string base, key;
  bool is_rank_stabilized = false;
  std::deque<Parameter> parameters;  // A, B and the magnitude of each module
  std::deque<LowRank> modules;
  std::vector<const Matrix*> bases;  // of the modules
  std::vector<std::string> names;    // of the modules
  std::deque<Packed> packed;
  std::vector<Buffer> memory;
};

Model::Model(const ModelConfig& config) : config_(config) {}
Model::~Model() = default;

namespace {

// Rows of B, [outputs][rank], as the model has those of q_proj and k_proj; and back.
void reorder(std::vector<float>& b, int rank, int head_dim, bool to_model) {
  const size_t width = size_t(rank);
  const std::vector<float> from = b;
  for (size_t r = 0; r < b.size() / width; ++r) {
    const size_t there = Checkpoint::permuted_row(r, uint64_t(head_dim));
    const size_t source = to_model ? r : there, target = to_model ? there : r;
    std::copy_n(from.begin() + std::ptrdiff_t(source * width), width,
                b.begin() + std::ptrdiff_t(target * width));
  }
}

std::string key_of(const LoraAdapter& adapter) {
  Sha256 sha;
  for (const LoraModule& module : adapter.modules) {
    sha.add(module.name.data(), module.name.size() + 1);
    sha.add(&module.scale, sizeof module.scale);
    sha.add(module.a.data(), module.a.size() * sizeof(float));
    sha.add(module.b.data(), module.b.size() * sizeof(float));
    sha.add(module.magnitude.data(), module.magnitude.size() * sizeof(float));
  }
  return sha.hex();
}

}  // namespace

std::vector<Linear*> Model::projections() {
  std::vector<Linear*> all;
  for (Block& b : blocks_)
    for (Linear* one :
         {&b.gqa.q,      &b.gqa.k,      &b.gqa.v,           &b.gqa.out,       &b.mla.q,
          &b.mla.q_a,    &b.mla.q_b,    &b.mla.kv_a,        &b.mla.kv_b,      &b.mla.out,
          &b.mlp.gate,   &b.mlp.up,     &b.mlp.down,        &b.moe.router,    &b.moe.gate,
          &b.moe.up,     &b.moe.down,   &b.moe.shared.gate, &b.moe.shared.up, &b.moe.shared.down,
          &b.window.q_a, &b.window.q_b, &b.window.kv,       &b.window.out})
      if (one->base) all.push_back(one);
  return all;
}

Result<int> Model::add_adapter(const LoraAdapter& lora, bool trainable) {
  CHECK(gradients().empty());  // a frozen base
  std::map<std::string, Linear*> by_name;
  for (Linear* projection : projections()) by_name[projection->base->name] = projection;
  for (const LoraModule& module : lora.modules) {
    const auto found = by_name.find(module.name + ".weight");
    CHECK(found != by_name.end());
    if (is_streamed(*found->second->base))
      return Error{fmt::format(
          "{}: changes '{}', but this model's experts are read from the file as they are needed, "
          "and adapters of such experts are not supported; use a larger machine, or merge the "
          "adapter into its base (weir adapter merge)",
          lora.place, module.name)};
  }
  Adapter& adapter = *adapters_.emplace_back(std::make_unique<Adapter>());
  adapter.base = lora.base;
  adapter.is_rank_stabilized = lora.is_rank_stabilized;
  adapter.key = key_of(lora);
  const auto make = [&](const std::string& name, int rows, int cols, int groups,
                        const std::vector<float>& values) {
    Parameter& p = adapter.parameters.emplace_back();
    p.name = name, p.rows = rows, p.cols = cols, p.groups = groups;
    p.data = adapter.memory.emplace_back(p.count() * sizeof(float)).floats();
    CHECK_EQ(values.size(), p.count());
    std::copy(values.begin(), values.end(), p.data);
    return Matrix::of(p);
  };
  for (const LoraModule& module : lora.modules) {
    Linear& projection = *by_name[module.name + ".weight"];
    std::vector<float> b = module.b, magnitude = module.magnitude;
    if (has_permuted_rows_ && has_rope_rows(module.name + ".")) {
      reorder(b, module.rank, config_.head_dim, true);
      reorder(magnitude, 1, config_.head_dim, true);
    }
    LowRank& low_rank = adapter.modules.emplace_back();
    low_rank.a = make(module.name + ".lora_A.weight", module.groups * module.rank, module.inputs,
                      module.groups, module.a);
    low_rank.b = make(module.name + ".lora_B.weight", module.groups * module.outputs, module.rank,
                      module.groups, b);
    low_rank.scale = module.scale;
    if (!magnitude.empty()) {
      low_rank.magnitude =
          make(module.name + ".lora_magnitude_vector", 1, module.outputs, 1, magnitude);
      adapter.parameters.back().decays = false;
    }
    adapter.bases.push_back(projection.base);
    adapter.names.push_back(module.name);
    for (Matrix* matrix : {&low_rank.a, &low_rank.b})
      matrix->packed = &adapter.packed.emplace_back(*matrix, trainable);
    LowRankSet& set = adapter_sets_[projection.base];
    set.of.resize(adapters_.size());
    set.of.back() = &low_rank;
    projection.adapters = &set;
  }
  for (auto& [base, set] : adapter_sets_) set.of.resize(adapters_.size());
  if (trainable) {
    parameters_.clear();
    for (Parameter& p : adapter.parameters) parameters_.push_back(&p);
    allocate_gradients();
    trains_adapter_ = true;
  }
  return int(adapters_.size()) - 1;
}

LoraAdapter Model::adapter(int number) const {
  const Adapter& from = *adapters_[size_t(number)];
  LoraAdapter lora;
  lora.base = from.base;
  lora.is_rank_stabilized = from.is_rank_stabilized;
  for (size_t i = 0; i < from.modules.size(); ++i) {
    const Matrix &a = from.modules[i].a, &b = from.modules[i].b;
    LoraModule module{from.names[i],
                      a.cols,
                      b.group_rows(),
                      a.group_rows(),
                      a.groups,
                      from.modules[i].scale,
                      {},
                      {}};
    module.a.assign(a.parameter->data, a.parameter->data + a.count());
    module.b.assign(b.parameter->data, b.parameter->data + b.count());
    if (const Matrix& m = from.modules[i].magnitude; from.modules[i].has_magnitude())
      module.magnitude.assign(m.parameter->data, m.parameter->data + m.count());
    if (has_permuted_rows_ && has_rope_rows(module.name + ".")) {
      reorder(module.b, module.rank, config_.head_dim, false);
      reorder(module.magnitude, 1, config_.head_dim, false);
    }
    lora.modules.push_back(std::move(module));
  }
  return lora;
}

const std::string& Model::adapter_key(int number) const { return adapters_[size_t(number)]->key; }

bool Model::adapts_kv_b() const {
  return std::any_of(adapter_sets_.begin(), adapter_sets_.end(), [](const auto& entry) {
    return entry.first->name.ends_with(".kv_b_proj.weight");
  });
}

void Model::set_adapter(int number, const LoraAdapter& lora) {
  Adapter& to = *adapters_[size_t(number)];
  CHECK_EQ(lora.modules.size(), to.modules.size());
  for (size_t i = 0; i < to.modules.size(); ++i) {
    const LoraModule& module = lora.modules[i];
    std::vector<float> b = module.b, magnitude = module.magnitude;
    if (has_permuted_rows_ && has_rope_rows(module.name + ".")) {
      reorder(b, module.rank, config_.head_dim, true);
      reorder(magnitude, 1, config_.head_dim, true);
    }
    CHECK_EQ(magnitude.size(), to.modules[i].magnitude.count());
    if (!magnitude.empty())
      std::copy(magnitude.begin(), magnitude.end(), to.modules[i].magnitude.parameter->data);
    CHECK_EQ(module.a.size(), to.modules[i].a.count());
    CHECK_EQ(b.size(), to.modules[i].b.count());
    std::copy(module.a.begin(), module.a.end(), to.modules[i].a.parameter->data);
    std::copy(b.begin(), b.end(), to.modules[i].b.parameter->data);
  }
  weights_changed();
}

// A frozen base stays as it was packed.
void Model::weights_changed() {
  if (!trains_adapter_)
    for (Packed& packed : packed_) packed.source_changed();
  for (const auto& adapter : adapters_)
    for (Packed& packed : adapter->packed) packed.source_changed();
}

void Model::pack(ThreadPool& pool) {
  for (Packed& packed : packed_) packed.pack(pool);
  for (const auto& adapter : adapters_) {
    for (Packed& packed : adapter->packed) packed.pack(pool);
    for (size_t i = 0; i < adapter->modules.size(); ++i)
      if (adapter->modules[i].has_magnitude())
        update_norms(pool, *adapter->bases[i], adapter->modules[i]);
  }
}

}  // namespace weir
