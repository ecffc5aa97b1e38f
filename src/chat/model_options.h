// How a model is run, as its user chooses: the options of the commands that generate, and the keys
// of a model in a server's file.
#pragma once
#include <string>
#include <vector>

namespace weir {

inline const std::vector<std::string> kCacheForms = {"auto", "expanded", "latent"};
inline const std::vector<std::string> kCacheTypes = {"f32", "f16", "bf16", "q8", "q4", "deepseek"};
inline const std::vector<std::string> kSpeculations = {"auto", "ngram", "draft", "mtp", "off"};

struct ModelOptions {
  // Of kCacheForms. auto: expanded for f32 weights (the bits of the training forward), latent for
  // other types (less memory) in models with latent attention.
  std::string cache = "auto";
  std::string cache_type = "f32";  // of kCacheTypes
  double cache_limit_gib = 0;      // 0: four fifths of the memory that is available
  double expert_memory_gib = 0;    // ExpertMemory::bytes
  int threads = 0;                 // 0: all cores
  bool exact = false;              // EngineOptions: do not quantize activations to int14
  // A folder that keeps the KV cache of prompts and replies (engine/prefix_store.h), "": none, and
  // the size of all its files.
  std::string prefix_cache = {};
  double prefix_cache_limit_gib = 10;
  // A folder that keeps repacked weights (engine/panel_cache.h); "": none are kept.
  std::string panel_cache = {};
  // Where guesses of the next tokens come from (engine/speculation.h), of kSpeculations. auto:
  // n-grams, and the draft model if there is one.
  std::string speculate = "auto";
  std::string draft = {};  // a folder or .gguf file with the model's own tokens; "": none
  int draft_max = 8;       // guesses in one pass
  // Adapters of the model, each "[NAME=]PATH": a folder of PEFT or a .gguf file of llama.cpp. The
  // first is the one of requests that choose none, but in a server, where each has a name.
  std::vector<std::string> adapters = {};
};

}  // namespace weir
