// The model and tokenizer of a folder or GGUF file, ready to generate with. Shared by the commands
// that do.
#pragma once
#include <memory>
#include <string>

#include "base/result.h"
#include "base/thread_pool.h"
#include "chat/generator.h"
#include "chat/infill_tokens.h"
#include "chat/model_options.h"
#include "checkpoint/checkpoint.h"
#include "model/model.h"
#include "tokenizer/tokenizer.h"

namespace weir {

struct GenerationSetup {
  std::string path;  // a folder or a .gguf file
  ModelOptions options = {};
  int sequences_max = 1;
  double pass_seconds = 0;  // EngineOptions
  bool keeps_prefixes = false;
  // Requests choose among ModelOptions::adapters; without it all are computed with the first.
  bool adapters_by_name = false;
  // False: the first request also pays for the first touch of the weights, which a program with one
  // request pays anyway.
  bool warms_up = true;
};

struct OpenModel {
  std::unique_ptr<Model> model, draft;  // no draft: null
  std::unique_ptr<Tokenizer> tokenizer;
  std::vector<std::string> adapters;  // names of the model's, by number
  // The path was an adapter's folder: adapter 0 belongs to the model and is no choice.
  bool has_own_adapter = false;
  std::string chat_template;  // "": the files have none
  std::vector<int> stops;     // tokens that end a reply, of files, template and names
  InfillTokens infill;        // that mark a hole to fill in
  std::unique_ptr<ThreadPool> pool;
  std::unique_ptr<Generator> generator;  // warmed up, if GenerationSetup says so
};
Result<OpenModel> open_model(const GenerationSetup& setup);

// The chat template of a model's files; "": they have none.
Result<std::string> chat_template_of(const Checkpoint& checkpoint);

// Checkpoint::open, whose notes go to stderr.
Result<std::shared_ptr<const Checkpoint>> open_checkpoint(const std::string& path,
                                                          GgufUse use = GgufUse::whole);

// Resolves "expanded", "latent" or "auto" for this model.
CacheForm choose_cache(const std::string& wanted, const Model& model);
// Cache bytes for a loaded model: four fifths of the available memory that it will not take itself.
size_t default_cache_bytes(const Model& model);
// Bytes of --expert-memory for Model::open.
ExpertMemory expert_memory(double gib);
// Says on stderr that experts are read on demand, if they are.
void print_streaming_note(const Model& model);
// An error when weights and packed panels of a model in f32 would not fit into memory.
Result<void> check_model_fits(const ModelConfig& config, const std::string& name);

// Of a folder, a tokenizer.json or a GGUF file.
Result<std::unique_ptr<Tokenizer>> open_tokenizer(const std::string& path);
// Of an open checkpoint, so that a GGUF header is read once.
Result<std::unique_ptr<Tokenizer>> open_tokenizer(const Checkpoint& checkpoint);

// That a guess of token 17 by the draft model means the model's token 17. The error says which
// token differs.
Result<void> check_same_tokens(const Tokenizer& tokenizer, const Tokenizer& draft);

// Ids that end a text: the tokenizer's end of sequence and the model's.
std::vector<int> end_ids(const OpenModel& open);
// The prompt as tokens, beginning with BOS (or, in a tokenizer without one, with EOS) if it would
// otherwise be empty. `allow_special`: control tokens written in the text become control tokens.
Result<std::vector<int>> encode_prompt(const OpenModel& open, const std::string& text,
                                       bool allow_special);

}  // namespace weir
