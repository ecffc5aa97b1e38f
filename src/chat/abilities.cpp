#include "chat/abilities.h"

#include <algorithm>
#include <initializer_list>

#include "base/file.h"
#include "chat/open_model.h"

namespace weir {
namespace {

bool holds(const std::string& text, std::initializer_list<const char*> words) {
  return std::any_of(words.begin(), words.end(),
                     [&](const char* word) { return text.find(word) != std::string::npos; });
}

// Tokens between which a model that fills in the middle finds what is before the gap.
bool names_a_gap(const std::string& vocabulary) {
  return holds(vocabulary, {"fim_prefix", "fim▁begin", "fim_begin", "<PRE>", "fim-prefix"});
}

// What follows needs no exact reader: a vocabulary of 50 MB is searched for words.
constexpr size_t kVocabularyBytesMax = size_t(64) << 20;

bool knows_gaps(const Checkpoint& checkpoint) {
  if (!checkpoint.gguf()) {
    const auto text =
        read_file(join_path(checkpoint.path(), "tokenizer.json"), kVocabularyBytesMax);
    return text && names_a_gap(*text);
  }
  const auto tokens = checkpoint.gguf()->metadata().strings_at("tokenizer.ggml.tokens");
  return tokens && std::any_of((*tokens)->begin(), (*tokens)->end(), names_a_gap);
}

}  // namespace

Abilities find_abilities(const Checkpoint& checkpoint) {
  const auto found = chat_template_of(checkpoint);
  const std::string text = found ? *found : "";
  return {.has_template = !text.empty(),
          .tools = holds(text, {"tools"}),
          .thinking = holds(text, {"think>", "thinking"}),
          .fill_in = knows_gaps(checkpoint)};
}

}  // namespace weir
