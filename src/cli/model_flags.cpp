#include "cli/model_flags.h"

#include "cli/shared_options.h"
#include "cli/speculation_flags.h"
#include "engine/speculation_options.h"

namespace weir {
namespace {

void add_prefix_cache(CommandBuilder& command, ModelOptions& o) {
  command.option("--prefix-cache", o.prefix_cache, "DIR",
                 "folder that keeps the KV cache of prompts and replies for later runs [none]");
  command
      .value("--prefix-cache-limit", o.prefix_cache_limit_gib, "GIB",
             "size of that folder in GiB, at most")
      .real_number(0, 1e6);
}

}  // namespace

void add_speculation_options(CommandBuilder& command, ModelOptions& o) {
  command.choice("--speculate", o.speculate, kSpeculations,
                 "guess next tokens and verify several in a pass where that is faster; the text "
                 "stays the same; ngram: from earlier text; mtp: by the model's own module; auto: "
                 "ngram, and the draft model if given");
  command.option("--draft", o.draft, "MODEL", "smaller model with the same tokens that guesses");
  command.count("--draft-max", o.draft_max, 1, kGuessesMax, "most guesses in one pass");
}

void add_plain_model_options(CommandBuilder& command, ModelOptions& o) {
  command.choice("--cache", o.cache, kCacheForms,
                 "KV cache form; latent (MLA models only) is smaller; auto: latent unless weights "
                 "are f32");
  add_cache_type(command, o.cache_type);
  add_adapters(command, o.adapters);
  add_expert_memory(command, o.expert_memory_gib);
  add_exact(command, o.exact);
  command.option(
      "--panel-cache", o.panel_cache, "DIR",
      "folder that keeps quantized weights as this program repacks them, for faster starts "
      "[none]");
  add_threads(command, o.threads);
}

void add_model_options(CommandBuilder& command, ModelOptions& o) {
  add_speculation_options(command, o);
  command
      .option("--cache-limit", o.cache_limit_gib, "GIB",
              "KV cache size in GiB [80 % of free memory]")
      .real_number(0, 1e6);
  add_prefix_cache(command, o);
  add_plain_model_options(command, o);
}

}  // namespace weir
