// How a model's folder or GGUF file says that hidden states become the vector of a text: the files
// of sentence-transformers (modules.json, 1_Pooling/config.json, sentence_bert_config.json,
// config_sentence_transformers.json), and GGUF's pooling_type.
#pragma once
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "formats/gguf.h"

namespace weir {

enum class Pooling {
  mean,   // of all tokens, those around the text included
  first,  // [CLS]
  last,
};
const char* pooling_name(Pooling pooling);  // "mean", "cls", "lasttoken"

struct EmbeddingConfig {
  Pooling pooling = Pooling::mean;
  bool is_stated = false;  // by the files; else mean pooling is a guess
  int tokens_max = 0;      // of a text with the tokens around it; 0: nothing is said
  // Texts that go before a text, by their names ("query", "document"), and the one that goes before
  // texts for which none is named; "": none.
  std::vector<std::pair<std::string, std::string>> prompts = {};
  std::string default_prompt = {};
  std::string model_folder = {};  // the folder of config.json and weights
};

// A folder without modules.json is one with mean pooling, as for sentence-transformers. Modules
// that change the vector further (Dense) are errors.
Result<EmbeddingConfig> read_embedding_config(const std::string& folder);
Result<EmbeddingConfig> read_embedding_config(const GgufMetadata& metadata);
// Whether it is a model that writes no text: an encoder's folder, also one whose modules.json names
// the folder of the encoder, or GGUF file. False for what cannot be read.
bool is_encoder_path(const std::string& path);
// Whether the folder or GGUF file is made for embeddings and says so.
bool states_embeddings(const std::string& path);

}  // namespace weir
