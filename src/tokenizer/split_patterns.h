// The split patterns by name, as their tokenizer.json files have them.
#pragma once
#include <string>
#include <vector>

#include "tokenizer/pretokenize.h"

namespace weir {

struct SplitPreset {
  std::string name;
  std::vector<SplitStep> steps;
};
const std::vector<SplitPreset>& split_presets();

inline constexpr char kGpt2Pattern[] =
    R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)";
// Steps that need no regular expression; see pretokenize.cpp.
inline constexpr char kTrailingSpacePattern[] = R"(\s+$)";
inline constexpr char kEveryCharacterPattern[] = R"([\s\S])";

}  // namespace weir
