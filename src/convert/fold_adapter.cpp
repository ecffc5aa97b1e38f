#include "convert/fold_adapter.h"

#include <fmt/format.h>

#include <map>
#include <set>

#include "checkpoint/gguf_names.h"
#include "config/gguf_config.h"

namespace weir {
namespace {

// HuggingFace's row of a row in the order of GGUF's llama (the inverse of permuted_row).
uint64_t original_row(uint64_t row, uint64_t head_dim) {
  const uint64_t within = row % head_dim;
  return row - within + within % 2 * (head_dim / 2) + within / 2;
}

// How a row of a tensor changes.
using Change = std::function<void(uint64_t row, float* values)>;

class Folding {
 public:
  Folding(std::shared_ptr<const LoraAdapter> adapter, const ModelConfig& config, bool is_gguf)
      : adapter_(std::move(adapter)), config_(config), is_gguf_(is_gguf) {
    for (const LoraModule& module : adapter_->modules) {
      const std::string name = module.name + ".weight";
      modules_[is_gguf ? gguf_name(name) : name] = &module;
      if (is_gguf && name.ends_with(".kv_b_proj.weight"))
        for (const char* half : {"attn_k_b", "attn_v_b"})
          modules_[fmt::format("blk.{}.{}.weight", layer_of(name), half)] = &module;
    }
  }

  // Empty: the tensor stays as it is.
  Change change_of(const std::string& name) {
    const ExpertName expert = is_gguf_ ? ExpertName{name, -1} : split_expert_name(name);
    const auto found = modules_.find(expert.pattern);
    if (found == modules_.end()) return {};
    const LoraModule& m = *found->second;
    used_.insert(m.name);
    const auto keep = adapter_;  // the rows are read later
    if (name.ends_with(".attn_k_b.weight")) return key_change(m);
    if (name.ends_with(".attn_v_b.weight")) return value_change(m);
    if (expert.expert >= 0)
      return [keep, &m, group = uint64_t(expert.expert)](uint64_t row, float* values) {
        fold_row(m, group, row, values);
      };
    const bool permutes = is_gguf_ && permutes_gguf_rows(config_) && has_rope_rows(m.name + ".");
    const uint64_t outputs = uint64_t(m.outputs), head_dim = uint64_t(config_.head_dim);
    return [keep, &m, permutes, outputs, head_dim](uint64_t row, float* values) {
      const uint64_t within = row % outputs,
                     original = permutes ? original_row(within, head_dim) : within;
      fold_row(m, row / outputs, original, values);
    };
  }

  Result<void> check_all_used() const {
    for (const LoraModule& module : adapter_->modules)
      if (is_gguf_ && !module.magnitude.empty() && module.name.ends_with(".kv_b_proj"))
        return Error{fmt::format(
            "{}: '{}' has magnitudes (DoRA), which cannot be merged into a GGUF file that keeps "
            "this projection in two halves; merge into the HuggingFace folder and convert that",
            adapter_->place, module.name)};
    for (const LoraModule& module : adapter_->modules)
      if (!used_.count(module.name))
        return Error{
            fmt::format("{}: '{}' is in no tensor of the base", adapter_->place, module.name)};
    return {};
  }

 private:
  // attn_k_b: per head [rank of the latent][nope], transposed.
  Change key_change(const LoraModule& m) const {
    const uint64_t nope = uint64_t(config_.qk_nope_head_dim),
                   step = nope + uint64_t(config_.v_head_dim);
    return [keep = adapter_, &m, nope, step](uint64_t row, float* values) {
      const uint64_t latent = uint64_t(m.inputs), head = row / latent, j = row % latent;
      const size_t rank = size_t(m.rank);
      for (uint64_t i = 0; i < nope; ++i) {
        const float* b = m.b.data() + (head * step + i) * rank;
        for (size_t k = 0; k < rank; ++k) values[i] += m.scale * b[k] * m.a[k * latent + j];
      }
    };
  }
  // attn_v_b: the values' rows.
  Change value_change(const LoraModule& m) const {
    const uint64_t nope = uint64_t(config_.qk_nope_head_dim), value = uint64_t(config_.v_head_dim);
    return [keep = adapter_, &m, nope, value](uint64_t row, float* values) {
      fold_row(m, 0, row / value * (nope + value) + nope + row % value, values);
    };
  }

  const std::shared_ptr<const LoraAdapter> adapter_;
  const ModelConfig config_;
  const bool is_gguf_;
  std::map<std::string, const LoraModule*> modules_;  // by the tensor's name
  std::set<std::string> used_;
};

}  // namespace

Result<void> fold_adapter(std::shared_ptr<const LoraAdapter> adapter, const ModelConfig& config,
                          bool is_gguf, std::vector<PlannedTensor>& tensors) {
  Folding folding(std::move(adapter), config, is_gguf);
  for (PlannedTensor& tensor : tensors) {
    Change change = folding.change_of(tensor.name);
    if (!change) continue;
    tensor.open = [open = std::move(tensor.open),
                   change = std::move(change)]() -> Result<StoredRows> {
      StoredRows rows = TRY(open());
      rows.change = change;
      return rows;
    };
  }
  return folding.check_all_used();
}

}  // namespace weir
