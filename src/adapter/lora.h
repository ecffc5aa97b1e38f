// A low-rank adapter apart from any model (Hu et al. 2021, LoRA): W + scale B A for some of the
// projections of a base. Files of PEFT and of llama.cpp are read into it and written from it.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"
#include "config/config.h"

namespace weir {

constexpr int kLoraRankMax = 1024;  // of files; new adapters have at most kNewRankMax
constexpr int kNewRankMax = 64;

// The pair of one projection. The experts of a layer are one module with as many groups.
struct LoraModule {
  std::string name;  // "model.layers.0.self_attn.q_proj", "model.layers.1.mlp.experts.{}.up_proj"
  int inputs = 0, outputs = 0, rank = 0, groups = 1;
  float scale = 0;       // alpha / rank, or alpha / sqrt(rank) (Kalajdzievski 2023, rsLoRA)
  std::vector<float> a;  // [groups][rank][inputs]
  // [groups][outputs][rank]; rows of q_proj and k_proj in HuggingFace's order, whatever the file's.
  std::vector<float> b;
  // [outputs], rows as B's: DoRA (Liu et al. 2024), the lengths of the rows of W + scale B A.
  // Zeros: those of W, of which a new adapter knows nothing. Empty: none.
  std::vector<float> magnitude = {};
};

struct LoraAdapter {
  std::string place;  // the file or folder, for errors; "": none
  std::string base;   // the model it was made for, as its file says; "": it does not say
  bool is_rank_stabilized = false;  // only says how the scale was made
  std::vector<LoraModule> modules;  // in the order of the base's tensors

  int64_t numbers() const;
  int rank_max() const;
  bool has_magnitudes() const;  // DoRA: all modules have one, or none
};

// A new adapter.
struct LoraRecipe {
  int rank = 16;                 // [1, kNewRankMax]
  double alpha = 0;              // 0: twice the rank
  bool rank_stabilized = false;  // scale alpha / sqrt(rank) instead of alpha / rank
  std::vector<std::string> targets = {"all-linear"};
  bool dora = false;  // magnitudes too; not of routers and routed experts

  double alpha_or_default() const { return alpha > 0 ? alpha : 2.0 * rank; }
  float scale() const;
};

// The modules that targets name, by the last part of their name ("q_proj", "kv_b_proj",
// "gate_proj"), "experts" (the routed ones' gate, up and down), "router", or "all-linear": every
// projection of attention, dense and shared feed-forward blocks and routed experts, of all layers,
// without routers, the head, sparse attention's indexers and modules of multi-token prediction. A
// target that names nothing in this model is an error with the words there are.
struct LoraTarget {
  std::string name;
  int inputs, outputs, groups;
};
Result<std::vector<LoraTarget>> lora_targets(const ModelConfig& config,
                                             const std::vector<std::string>& targets);

// A uniform in +-1/sqrt(inputs), as PEFT's kaiming_uniform_(a = sqrt(5)) draws it, B 0: the adapter
// changes nothing yet. Each module draws from its own stream of `seed`.
Result<LoraAdapter> make_lora(const ModelConfig& config, const LoraRecipe& recipe, uint64_t seed);

// An error for a module whose magnitudes are not supported: routers and routed experts.
Result<void> check_magnitude(const std::string& module);

// Numbers that training such an adapter moves.
Result<int64_t> lora_numbers(const ModelConfig& config, const LoraRecipe& recipe);

// An error when a module is none of this model's projections or has another shape: it is of another
// base. Puts the modules in the order of the model's tensors.
Result<void> fit_to(const ModelConfig& config, LoraAdapter& adapter);

// "24 layers, q_proj k_proj v_proj o_proj, rank 16, 2.2 M numbers".
std::string lora_words(const LoraAdapter& adapter);

// Row `row` of group `group` of W becomes that of W + scale B A, with DoRA of the length learned:
// how an adapter is folded into its base. `values`: [inputs].
void fold_row(const LoraModule& module, uint64_t group, uint64_t row, float* values);

// A PEFT folder, or a GGUF file of llama.cpp. `config`: of the base. The result fits it.
Result<LoraAdapter> read_lora(const std::string& path, const ModelConfig& config);
// PATH.gguf as llama.cpp's file, anything else as PEFT's folder, which must not be there yet.
Result<void> write_lora(const std::string& path, const LoraAdapter& adapter,
                        const ModelConfig& config);

}  // namespace weir
