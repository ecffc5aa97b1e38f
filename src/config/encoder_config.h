// The configuration of an encoder, a model that reads a text as a whole and writes none: BERT's
// config.json and GGUF metadata. Decoders have config.h.
#pragma once
#include <cstdint>
#include <string>

#include "base/json.h"
#include "formats/gguf.h"

namespace weir {

struct EncoderConfig {
  std::string model_type = "bert";
  int vocab_size = 0, hidden_size = 0, intermediate_size = 0;
  int num_hidden_layers = 0, num_attention_heads = 0;
  int max_position_embeddings = 0;  // positions are learned: no text can be longer
  int type_vocab_size = 2;
  double layer_norm_eps = 1e-12;

  int head_dim() const { return hidden_size / num_attention_heads; }
  int64_t parameters() const;
};

// Of a config.json; errors name `place` and the key. Only model_type "bert" with GELU and learned
// absolute positions is supported.
Result<EncoderConfig> read_encoder_config(const Json& json, const std::string& place);
// Of the architecture "bert".
Result<EncoderConfig> read_encoder_config(const GgufMetadata& metadata, const std::string& place);

// Whether this model_type or GGUF architecture is an encoder's, supported or not: "bert",
// "roberta", "nomic-bert" ...
bool is_encoder_type(const std::string& type);
// Whether a folder's config.json or a GGUF file has such a type; false for what cannot be read.
bool is_encoder(const std::string& path);

}  // namespace weir
