// Hidden states of the texts of a training that was stopped, in a file until it goes on.
#pragma once
#include <span>
#include <string>
#include <vector>

#include "heads/pooled_states.h"

namespace weir {

// What tells one training's states from another's: SHA-256 of model, blocks and texts.
std::string states_key(const std::string& base_hash, std::span<const int> blocks,
                       std::span<const StateText> texts);

// Empty where there is no file, or it has another key. Fails for one that can not be read.
Result<std::vector<float>> read_kept_states(const std::string& path, const std::string& key);
Result<void> write_kept_states(const std::string& path, const std::string& key,
                               const std::vector<float>& states);

}  // namespace weir
