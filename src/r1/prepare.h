// What all stages of a run share, and the files that say so.
#pragma once
#include <string>

#include "base/result.h"
#include "base/thread_pool.h"
#include "model/config.h"
#include "r1/r1_folder.h"
#include "r1/recipe.h"
#include "text/tokenizer.h"

namespace weir {

struct RunSetup {
  Tokenizer tokenizer;
  ModelConfig config;
  std::string tokenizer_sha256;
};

// Read from the run's folder, or made for it and written there. A recipe that now describes another
// tokenizer or model is refused.
Result<RunSetup> prepare_run(const R1Recipe& recipe, const R1Folder& folder, ThreadPool& pool);

// config.json, tokenizer.json and tokenizer_config.json, into a folder that is made if absent.
Result<void> write_model_files(const RunSetup& setup, const std::string& folder);

// SHA-256 over what a section of a recipe says and the files that its data names as `path`.
Result<std::string> data_sha256(const Json& section);

}  // namespace weir
