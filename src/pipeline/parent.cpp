#include "pipeline/parent.h"

#include <algorithm>

#include "base/file.h"
#include "base/json.h"
#include "base/sha256.h"
#include "chat/end_tokens.h"
#include "chat/gguf_chat.h"
#include "checkpoint/checkpoint.h"
#include "tokenizer/gguf_tokenizer.h"
#include "tokenizer/tokenizer_json.h"

namespace weir {
namespace {

constexpr const char* kGenerationConfig = "generation_config.json";

Json json_of(const std::vector<int>& ids) {
  Json json = Json::array();
  for (int id : ids) json.push(id);
  return json;
}

// The template's own end also stands in the file that other programs stop by.
Result<void> state_own_end(ModelTexts& texts) {
  const std::optional<int> own = end_of_template(texts.chat.source, texts.tokenizer);
  if (!own) return {};
  auto file = std::find_if(texts.files.begin(), texts.files.end(),
                           [](const auto& one) { return one.first == kGenerationConfig; });
  if (file == texts.files.end())
    file = texts.files.insert(texts.files.end(), {kGenerationConfig, "{}"});
  Json json = TRY_IN(kGenerationConfig, parse_json(file->second));
  const std::vector<int> stated =
      TRY_IN(kGenerationConfig, ends_of_config(json, texts.tokenizer.size()));
  if (std::find(stated.begin(), stated.end(), *own) != stated.end()) return {};
  json.set("eos_token_id", json_of(texts.chat.ends));
  file->second = json.dump(2) + "\n";
  return {};
}

Result<ModelTexts> read_folder(const std::string& folder) {
  ModelTexts texts{TRY(read_tokenizer(folder))};
  std::string source = TRY(read_chat_template(folder));
  if (source.empty() || source == conversation_chat_template()) return texts;
  texts.chat.source = std::move(source);
  texts.chat.ends = TRY(ends_of_folder(folder, texts.tokenizer, texts.chat.source));
  for (const char* name :
       {"tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "vocab.json",
        "merges.txt", "added_tokens.json", kGenerationConfig, "chat_template.jinja"}) {
    const std::string path = join_path(folder, name);
    if (file_exists(path)) texts.files.emplace_back(name, TRY(read_file(path)));
  }
  // transformers wants one, and a run's folder is complete with it.
  if (!file_exists(join_path(folder, "tokenizer_config.json"))) {
    TokenizerConfigOptions options;
    options.chat_template = texts.chat.source;
    texts.files.emplace_back("tokenizer_config.json",
                             tokenizer_config_json(texts.tokenizer, options));
  }
  TRY_IN(folder, state_own_end(texts));
  return texts;
}

Result<ModelTexts> read_gguf(const Checkpoint& checkpoint) {
  const GgufMetadata& metadata = checkpoint.gguf()->metadata();
  ModelTexts texts{TRY(read_gguf_tokenizer(metadata))};
  const std::string source = TRY(gguf_chat_template(metadata));
  if (source.empty() || source == conversation_chat_template()) return texts;
  texts.chat.source = source;
  texts.chat.ends = TRY(gguf_ends(metadata, texts.tokenizer));
  TokenizerConfigOptions options;
  options.model_max_length = checkpoint.config().max_position_embeddings;
  options.chat_template = source;
  Json generation = Json::object();
  if (texts.tokenizer.bos() >= 0) generation.set("bos_token_id", texts.tokenizer.bos());
  generation.set("eos_token_id", json_of(texts.chat.ends));
  texts.files = {{"tokenizer.json", tokenizer_json(texts.tokenizer)},
                 {"tokenizer_config.json", tokenizer_config_json(texts.tokenizer, options)},
                 {kGenerationConfig, generation.dump(2) + "\n"}};
  return texts;
}

}  // namespace

Result<ModelTexts> read_model_texts(const std::string& path) {
  if (is_directory(path)) return read_folder(path);
  const auto checkpoint = TRY(Checkpoint::open(path));
  return TRY_IN(path, read_gguf(*checkpoint));
}

Result<ModelConfig> read_parent_config(const std::string& path) {
  const auto checkpoint = TRY(Checkpoint::open(path));
  if (const std::vector<std::string> extra = checkpoint->unexpected(); !extra.empty())
    return Error{path + ": tensor '" + extra[0] +
                 "' has no place in a model of its type, so its numbers would be wrong without it; "
                 "the architecture is another one"};
  ModelConfig config = checkpoint->config();
  if (checkpoint->rope_rows_permuted()) config.rope.interleaved = false;
  return config;
}

Result<std::string> weights_sha256(const std::string& path) {
  if (!is_directory(path)) return sha256_file(path);
  std::vector<std::string> names;
  for (const std::string& name : TRY(list_directory(path)))
    if (name.ends_with(".safetensors")) names.push_back(name);
  if (names.size() == 1) return sha256_file(join_path(path, names[0]));
  std::sort(names.begin(), names.end());
  std::string all;
  for (const std::string& name : names)
    all += name + " " + TRY(sha256_file(join_path(path, name))) + "\n";
  return sha256_hex(all);
}

Result<ConversationFormat> make_format(const Tokenizer& tokenizer, const ModelTemplate& chat,
                                       const std::string& place) {
  if (!chat.source.empty()) return TRY_IN(place, ConversationFormat::of_template(tokenizer, chat));
  Result<ConversationFormat> format = ConversationFormat::create(tokenizer);
  if (format) return format;
  return Error{
      place +
      ": has no chat template (tokenizer_config.json, chat_template.jinja or GGUF's "
      "tokenizer.chat_template) and not DeepSeek's conversation tokens, so nothing says how it is "
      "asked; take the instruct version of the model, or put a chat_template.jinja into its "
      "folder"};
}

}  // namespace weir
