// What all stages of a run share, and the files that say so.
#pragma once
#include <string>

#include "base/result.h"
#include "base/thread_pool.h"
#include "config/config.h"
#include "pipeline/parent.h"
#include "pipeline/r1_folder.h"
#include "stages/r1_recipe.h"
#include "tokenizer/tokenizer.h"

namespace weir {

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
