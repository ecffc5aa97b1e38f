// The options of sampling and speculation, named as llama.cpp names them, for every command that
// draws.
#pragma once
#include <string>
#include <vector>

#include "base/result.h"
#include "cli/command_builder.h"
#include "engine/sampling_options.h"
#include "tokenizer/tokenizer.h"

namespace weir {

// What becomes options only with the model's tokenizer.
struct SamplingTexts {
  std::vector<std::string> logit_bias = {};    // "15043+1", "15043-1"
  std::vector<std::string> dry_breakers = {};  // with escapes; empty: the usual ones; "none": none
};

void add_sampling(CommandBuilder& command, SamplingOptions& sampling, SamplingTexts& texts);
// Fills logit_bias and dry_breakers. The error names the option.
Result<void> resolve(const SamplingTexts& texts, const Tokenizer& tokenizer,
                     SamplingOptions& options);

// "\n", "\t" and "\\" written with a backslash become one character.
std::string unescape(const std::string& text);

}  // namespace weir
