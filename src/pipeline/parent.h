// A model from outside that stages begin from: a HuggingFace folder or a GGUF file, with its own
// tokenizer, chat template and ends of replies.
#pragma once
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "chat/conversation.h"
#include "chat/template_conversation.h"
#include "config/config.h"
#include "tokenizer/tokenizer.h"

namespace weir {

// Everything of a model but its weights.
struct ModelTexts {
  Tokenizer tokenizer;
  // Its source is empty for models without a template and for those made here: their conversations
  // have DeepSeek's form.
  ModelTemplate chat = {};
  // Names and contents of what belongs to tokenizer, template and generation in a HuggingFace
  // folder: a folder's files as they are, a GGUF file's written anew. Empty when chat.source is.
  std::vector<std::pair<std::string, std::string>> files = {};
};

// `path`: a folder or a GGUF file. Errors name the file.
Result<ModelTexts> read_model_texts(const std::string& path);
// The configuration of the weights at `path`, as a model that learns has it: rows of queries and
// keys in HuggingFace's order. Fails when there are no weights.
Result<ModelConfig> read_parent_config(const std::string& path);
// SHA-256 over the file, or over all files of weights in the folder.
Result<std::string> weights_sha256(const std::string& path);

// The form of conversations: the model's template, or DeepSeek's tokens where it has none. The
// tokenizer outlives the format. `place` begins the error.
Result<ConversationFormat> make_format(const Tokenizer& tokenizer, const ModelTemplate& chat,
                                       const std::string& place);

}  // namespace weir
