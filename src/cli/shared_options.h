// Options that several commands have, with the same words, limits and defaults in each.
#pragma once
#include <string>
#include <vector>

#include "cli/command_builder.h"

namespace weir {

constexpr const char* kModelHelp = "a model's folder (config.json, safetensors) or a .gguf file";
constexpr const char* kModelWithTextHelp =
    "a .gguf file, or a folder: config.json, safetensors, tokenizer.json";

void add_threads(CommandBuilder& command, int& threads);
// Whether products with quantized weights quantize the activations too.
void add_exact(CommandBuilder& command, bool& exact);
// How much of a mixture of experts is in memory (docs/larger-than-memory.md); 0: chosen.
void add_expert_memory(CommandBuilder& command, double& gib);
void add_cache_type(CommandBuilder& command, std::string& type);
// --adapter [NAME=]PATH (chat/open_adapters.h).
void add_adapters(CommandBuilder& command, std::vector<std::string>& adapters);
// --set KEY=VALUE, over a recipe.
void add_sets(CommandBuilder& command, std::vector<std::string>& sets, const char* help);
// Files of text, and how to read them.
void add_texts(CommandBuilder& command, std::vector<std::string>& paths, std::string& field,
               bool& skip_bad_lines);

}  // namespace weir
