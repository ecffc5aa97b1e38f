// The tokenizer, chat template and model configuration that all stages share: made once from the
// recipe, then read from the run's folder.
#pragma once
#include <string>

#include "base/result.h"
#include "base/thread_pool.h"
#include "config/config.h"
#include "pipeline/parent.h"
#include "pipeline/r1_folder.h"
#include "stages/r1_recipe.h"
#include "stages/stage_model.h"
#include "tokenizer/tokenizer.h"

namespace weir {

// The tokenizer of `tokenizer.path`, of the base folder, or learned from the first problems of all
// stages, in DeepSeek's conversation tokens. A vocabulary whose size the recipe does not state is
// as large as the text supports, up to the default. With it the chat template: that of the base
// folder, or of `tokenizer.path` when its tokenizer lacks DeepSeek's conversation tokens. Errors
// name what to change.
Result<ModelTexts> make_r1_texts(const R1Recipe& recipe, ThreadPool& pool);

// The configuration of the base folder or file, or what the recipe's `model` section describes with
// the tokenizer's vocabulary. The section is ignored when there is a base folder; stating both is
// an error.
Result<ModelConfig> make_r1_config(const R1Recipe& recipe, const Tokenizer& tokenizer);

// "2.4 M parameters, 770 k active per token; 4 layers of width 128, vocabulary of 768". Adds when
// the vocabulary came out smaller than the recipe's size, and when no layer has the experts
// described.
std::string model_words(const R1Recipe& recipe, const ModelConfig& config);

struct RunSetup {
  ModelTexts texts;
  ModelConfig config;
  std::string tokenizer_sha256;
  bool is_new = false;  // made for this run; write_model_files() puts it into the folder
  const Tokenizer& tokenizer() const { return texts.tokenizer; }
};

// Read from the folder of a run that has begun, else made for it. A recipe that now describes
// another tokenizer or model is refused, and so is a damaged config.json.
Result<RunSetup> prepare_run(const R1Recipe& recipe, const R1Folder& folder, ThreadPool& pool);

// config.json, tokenizer.json, tokenizer_config.json and what else the parent's folder has of
// tokenizer, chat template and generation, into a folder that is made if absent.
Result<void> write_model_files(const RunSetup& setup, const std::string& folder);

// SHA-256 over what a section of a recipe says and the files that its data names as `path`.
Result<std::string> data_sha256(const Json& section);

}  // namespace weir
