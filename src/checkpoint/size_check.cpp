#include "checkpoint/size_check.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cstdlib>

#include "checkpoint/gguf_names.h"
#include "config/engram.h"

namespace weir {
namespace {

constexpr size_t kExamplesMax = 10;

class Checker {
 public:
  explicit Checker(const Checkpoint& checkpoint)
      : checkpoint_(checkpoint), config_(checkpoint.config()) {}
  WeightCheck check();

 private:
  void expect(const TensorShape& tensor, const std::string& name);
  void note(std::string sentence) {
    if (result_.examples.size() < kExamplesMax) result_.examples.push_back(std::move(sentence));
  }
  const Checkpoint& checkpoint_;
  const ModelConfig& config_;
  WeightCheck result_;
};

void Checker::expect(const TensorShape& tensor, const std::string& name) {
  const Result<StoredTensor> found = checkpoint_.find(name);
  if (!found) {
    ++result_.missing;
    return note(found.error().message);
  }
  if (found->packed || (found->owned && !found->scales)) result_.joined_bytes += found->bytes();
  result_.bytes_per_token += share_per_token(config_, tensor.name) * double(found->bytes());
  if (found->shape == tensor.shape) return;
  ++result_.misshapen;
  note(fmt::format("{}: has shape [{}], the configuration asks for [{}]", found->place,
                   fmt::join(found->shape, ", "), fmt::join(tensor.shape, ", ")));
}

WeightCheck Checker::check() {
  checkpoint_.for_each_stored([&](const std::string&, const std::string& type,
                                  const std::vector<uint64_t>&, uint64_t bytes) {
    ++result_.tensors;
    ++result_.dtypes[type];
    result_.bytes += bytes;
  });
  for (const TensorShape& tensor : all_tensors(config_))
    for (int i = 0; i < tensor.copies; ++i) expect(tensor, expert_name(tensor.name, i));
  for (const std::string& name : checkpoint_.unexpected()) {
    ++result_.unexpected;
    note(fmt::format("'{}' has no place in this model", name));
  }
  return std::move(result_);
}

}  // namespace

double share_per_token(const ModelConfig& config, const std::string& name) {
  const int layer = name.starts_with("blk.") ? std::atoi(name.c_str() + 4) : layer_of(name);
  if (layer >= config.num_hidden_layers) return 0;
  if (name == "token_embd.weight" || name == "model.embed_tokens.weight")
    return config.tie_word_embeddings ? 1 : 0;
  if (has_engram(config) && name.find(".engram.embed.") != std::string::npos)  // and its scales
    return double(engram_columns(config)) * double(config.engram_layer_ids.size()) *
           config.engram_head_dim / double(engram_table_elements(config));
  const bool is_expert =
      name.find("_exps.") != std::string::npos || name.find(".experts.") != std::string::npos;
  if (!is_expert) return 1;
  return double(config.num_experts_per_tok) / std::max(1, config.n_routed_experts);
}

WeightCheck check_weights(const Checkpoint& checkpoint) { return Checker(checkpoint).check(); }

}  // namespace weir
