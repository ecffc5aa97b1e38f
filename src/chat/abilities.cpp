#include "chat/abilities.h"

#include <algorithm>
#include <initializer_list>

#include "base/file.h"
#include "chat/infill_tokens.h"

namespace weir {
namespace {

bool holds(const std::string& text, std::initializer_list<const char*> words) {
  return std::any_of(words.begin(), words.end(),
                     [&](const char* word) { return text.find(word) != std::string::npos; });
}

// What follows needs no exact reader: a vocabulary of 50 MB is searched for words.
constexpr size_t kVocabularyBytesMax = size_t(64) << 20;

bool knows_gaps(const Checkpoint& checkpoint) {
  if (!checkpoint.gguf()) {
    const auto text =
        read_file(join_path(checkpoint.path(), "tokenizer.json"), kVocabularyBytesMax);
    return text && names_infill_family([&](std::string_view token) {
             return text->find("\"" + std::string(token) + "\"") != std::string::npos;
           });
  }
  const GgufMetadata& metadata = checkpoint.gguf()->metadata();
  if (metadata.find("tokenizer.ggml.fim_pre_token_id")) return true;
  const auto tokens = metadata.strings_at("tokenizer.ggml.tokens");
  return tokens && names_infill_family([&](std::string_view token) {
           return std::find((*tokens)->begin(), (*tokens)->end(), token) != (*tokens)->end();
         });
}

}  // namespace

Abilities find_abilities(const Checkpoint& checkpoint, const std::string& text) {
  return {.has_template = !text.empty(),
          .tools = holds(text, {"tools"}),
          .thinking = holds(text, {"think>", "thinking"}),
          .fill_in = knows_gaps(checkpoint)};
}

}  // namespace weir
