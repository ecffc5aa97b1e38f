// What GGUF files call the tensors that HuggingFace's checkpoints name otherwise
// (gguf-py/gguf/tensor_mapping.py of llama.cpp).
#pragma once
#include <string>
#include <vector>

namespace weir {

// "model.layers.3.mlp.experts.{}.up_proj.weight" -> "blk.3.ffn_up_exps.weight". Experts are one
// tensor there, so the pattern and the name of every expert have the same answer. "" when GGUF has
// no name for it.
std::string gguf_name(const std::string& name);

// A tensor among stacked ones: the name of the pattern, and which expert (-1: no expert).
struct ExpertName {
  std::string pattern;
  int expert = -1;
};
ExpertName split_expert_name(const std::string& name);
// "model.layers.3.mlp.experts.{}.up_proj.weight", 7 -> the name of the seventh.
std::string expert_name(const std::string& pattern, int expert);
// q_proj and k_proj, whose rows some GGUF files have in another order (checkpoint.h).
bool has_rope_rows(const std::string& name);
// Layer of "model.layers.N. ..."; -1 for other names.
int layer_of(const std::string& name);

}  // namespace weir
