#include "tokenizer/end_names.h"

#include <algorithm>
#include <array>

namespace weir {
namespace {

// The texts that llama.cpp's vocabulary loader takes for the end of a generation, those that fill
// in the middle of files included.
constexpr std::array<std::string_view, 30> kEndNames = {"<|eot_id|>",
                                                        "<|im_end|>",
                                                        "<|end|>",
                                                        "<|return|>",
                                                        "<|call|>",
                                                        "<|flush|>",
                                                        "<|calls|>",
                                                        "<end_of_turn>",
                                                        "<|endoftext|>",
                                                        "</s>",
                                                        "<|eom_id|>",
                                                        "< EOT >",
                                                        "_<EOT>",
                                                        "[EOT]",
                                                        "[EOS]",
                                                        "<EOT>",
                                                        "<|end_of_text|>",
                                                        "<end_of_utterance>",
                                                        "<\uFF5Cend\u2581of\u2581sentence\uFF5C>",
                                                        "<|fim_pad|>",
                                                        "<fim-pad>",
                                                        "<fim_pad>",
                                                        "<PAD>",
                                                        "[PAD]",
                                                        "<|fim_repo|>",
                                                        "<|repo_name|>",
                                                        "<fim-repo>",
                                                        "<REPO>",
                                                        "<reponame>",
                                                        "<|file_sep|>"};

}  // namespace

bool is_end_name(std::string_view text) {
  return std::find(kEndNames.begin(), kEndNames.end(), text) != kEndNames.end();
}

std::vector<int> ends_by_name(const Tokenizer& tokenizer) {
  std::vector<int> ends;
  bool returns = false, calls = false;
  for (const AddedToken& token : tokenizer.added_tokens()) {
    if (is_end_name(token.text)) ends.push_back(token.id);
    returns = returns || token.text == "<|return|>";
    calls = calls || token.text == "<|call|>";
  }
  // Where these two end replies, <|end|> ends a message inside of one (gpt-oss).
  if (returns && calls)
    std::erase_if(ends, [&](int id) { return tokenizer.token_bytes(id) == "<|end|>"; });
  std::sort(ends.begin(), ends.end());
  return ends;
}

Result<std::vector<int>> ends_of_config(const Json& config, int size) {
  constexpr const char* kKey = "eos_token_id";
  std::vector<int> ends;
  const Json* given = config.find(kKey);
  if (given == nullptr || given->is_null()) return ends;
  for (const Json& item : given->is_array() ? given->items() : std::vector<Json>{*given}) {
    const int64_t id = TRY_IN(kKey, item.as_int());
    if (id >= 0 && id < size) add_ends(ends, {int(id)});
  }
  return ends;
}

void add_ends(std::vector<int>& ends, const std::vector<int>& more) {
  for (int id : more)
    if (id >= 0 && std::find(ends.begin(), ends.end(), id) == ends.end()) ends.push_back(id);
}

}  // namespace weir
