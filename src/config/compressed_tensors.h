// The tensors of DeepSeek-V4 (tensors.h has those of all other models, and calls these).
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "config/tensors.h"

namespace weir {

// Whether a layer makes entries of its own, and whether its indexer chooses of them. In V4.1 most
// layers read those of a layer before them.
bool makes_entries(const ModelConfig& config, int layer);
bool chooses_entries(const ModelConfig& config, int layer);
// The layer that made the entries that this one reads.
int entry_source(const ModelConfig& config, int layer);

std::vector<TensorShape> compressed_outer_tensors(const ModelConfig& config);
std::vector<TensorShape> compressed_layer_tensors(const ModelConfig& config, int layer);
// GGUF's name of an outer tensor or of what follows "model.layers.N."; "" for none.
std::string compressed_gguf_name(std::string_view name);
// What DeepSeek's files, and folders that transformers saves, call a tensor of a layer or an outer
// one: "model.layers.3.self_attn.q_a_proj.weight" -> "layers.3.attn.wq_a.weight", and of the first
// module of multi-token prediction "mtp.0.attn.wq_a.weight"; an expert's number stays, and so does
// "{}"; "" for none.
std::string deepseek_name(const ModelConfig& config, std::string_view name);
// That name and those that transformers 5.24 writes in its place: "model.layers.3.attn...", and
// "attn.norm" for "attn.kv_norm".
std::vector<std::string> stored_names(const ModelConfig& config, std::string_view name);

}  // namespace weir
