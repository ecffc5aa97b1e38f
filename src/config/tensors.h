// The tensors of a model: one table of names, shapes and GGUF names that counting parameters,
// planning a conversion and finding tensors in files walk.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "config/config.h"

namespace weir {

enum class ModelPart { embedding, attention, dense_mlp, experts, router, norms };

// A tensor of the file, or `copies` equal ones (experts) whose name has "{}" where the index goes.
struct TensorShape {
  std::string name;
  std::vector<uint64_t> shape;
  ModelPart part;
  int copies = 1;
  bool is_active = true;     // has a part in every token: all but the embedding's table
  int64_t elements() const;  // of all copies
};

// Embedding, last norm, head (absent when tied).
std::vector<TensorShape> outer_tensors(const ModelConfig& config);
// Everything below model.layers.<layer>; layers from num_hidden_layers on are MTP modules. The
// copies of embedding and head that published MTP modules carry are not listed: they are the main
// model's.
std::vector<TensorShape> layer_tensors(const ModelConfig& config, int layer);
// Both, of all layers.
std::vector<TensorShape> all_tensors(const ModelConfig& config);
// Whether a layer has experts. MTP modules have them whenever the model has (model/build.cpp).
bool has_experts(const ModelConfig& config, int layer);

// GGUF's name of an outer tensor, or of one below model.layers.N. by what follows there, as in
// "mlp.experts.{}.up_proj.weight" -> "ffn_up_exps.weight"; "" when GGUF has none.
std::string gguf_outer_name(std::string_view name);
std::string gguf_layer_name(std::string_view name);

}  // namespace weir
