// What is known about a model before it is loaded, from the headers of its files: what lists show,
// and the memory that it will take.
#pragma once
#include <cstdint>
#include <string>

#include "base/result.h"
#include "chat/abilities.h"
#include "chat/model_options.h"
#include "serve/served_model.h"

namespace weir {

struct ModelFacts {
  std::string path = {};
  std::string format = {};        // "gguf", "safetensors"
  std::string family = {};        // config.json's model_type
  std::string quantization = {};  // the type of most of the weights, such as "Q4_K"
  int64_t parameters = 0;
  int64_t file_bytes = 0;  // of all weights, as stored
  int context = 0;         // tokens, of the model; a small cache may hold fewer
  int64_t changed = 0;     // seconds since 1970: the last change of the file or folder
  std::string chat_template = {};
  Abilities abilities = {};
  // Bytes when it is loaded, without the KV cache: weights, packed copies, working memory of a
  // pass, and a draft model.
  double memory = 0;
  double token_bytes = 0;  // of the KV cache
};

// The words for what a model can do, as Ollama has them: "completion", "tools", "embedding" ...
std::vector<std::string> ability_words(const Abilities& abilities);

// Fails for files that cannot be read or are cut short.
Result<ModelFacts> read_model_facts(const std::string& path, const ModelOptions& options);

// Of a model that is loaded already, without its size.
ModelFacts facts_of(const ServedModel& model);

// The KV cache of a model that shares `memory` bytes with others: two contexts, or a quarter of
// `memory` if that is less.
double shared_cache_bytes(const ModelFacts& facts, double memory);

}  // namespace weir
