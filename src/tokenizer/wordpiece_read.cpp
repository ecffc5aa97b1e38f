// WordPiece from tokenizer.json and from GGUF's metadata.
#include <algorithm>

#include "base/file.h"
#include "formats/gguf.h"
#include "tokenizer/tokenizer_spec.h"
#include "tokenizer/wordpiece.h"

namespace weir {
namespace {

constexpr int64_t kWordCharactersMax = 10'000;

Error no_support(const std::string& place, const std::string& what) {
  return {place + ": " + what + " is not supported"};
}

// A member that may be absent or null.
Result<bool> flag_of(const Json& section, const char* key, bool or_else) {
  const Json* value = section.find(key);
  if (!value || value->is_null()) return or_else;
  return TRY_IN(key, value->as_bool());
}
Result<std::string> text_of(const Json& section, const char* key, const char* or_else) {
  const Json* value = section.find(key);
  if (!value || value->is_null()) return std::string(or_else);
  return TRY_IN(key, value->as_string());
}

// strip_accents that is not given follows lowercase, as BERT's authors have it.
Result<void> read_rules(const Json& section, BertWordRules& rules) {
  if (section.text_at("type") != "BertNormalizer")
    return no_support("normalizer", "type '" + section.text_at("type") + "' (BertNormalizer)");
  rules.clean_text = TRY_IN("normalizer", flag_of(section, "clean_text", true));
  rules.handle_chinese_chars = TRY_IN("normalizer", flag_of(section, "handle_chinese_chars", true));
  rules.lowercase = TRY_IN("normalizer", flag_of(section, "lowercase", true));
  rules.strip_accents = TRY_IN("normalizer", flag_of(section, "strip_accents", rules.lowercase));
  return {};
}

Result<WordPieceSpec> read_spec(const Json& root) {
  const Json& model = *TRY(root.at("model"));
  if (model.text_at("type") != "WordPiece")
    return no_support("model", "type '" + model.text_at("type") + "' (WordPiece)");
  WordPieceSpec spec;
  spec.prefix = TRY_IN("model", text_of(model, "continuing_subword_prefix", "##"));
  spec.unknown = TRY_IN("model", text_of(model, "unk_token", "[UNK]"));
  if (const Json* most = model.find("max_input_chars_per_word"); most && !most->is_null()) {
    const int64_t count = TRY_IN("model.max_input_chars_per_word", most->as_int());
    if (count < 1 || count > kWordCharactersMax)
      return Error{"model.max_input_chars_per_word: must be from 1 to 10000"};
    spec.words.characters_max = size_t(count);
  }
  const Json* normalizer = root.find("normalizer");
  if (!normalizer) return no_support("normalizer", "a WordPiece model without one");
  TRY(read_rules(*normalizer, spec.words));
  const Json* splits = root.find("pre_tokenizer");
  if (!splits || splits->text_at("type") != "BertPreTokenizer")
    return no_support("pre_tokenizer", "another one than BertPreTokenizer");
  TokenizerSpec common;
  TRY(read_tokens_and_frame(root, common));
  spec.tokens = std::move(common.tokens);
  spec.added = std::move(common.added);
  spec.before = std::move(common.prefix);
  spec.after = std::move(common.suffix);
  return spec;
}

}  // namespace

bool is_wordpiece_json(std::string_view json) {
  const auto root = parse_json(json, kTokenizerJsonLimits);
  const Json* model = root ? root->find("model") : nullptr;
  return model && model->text_at("type") == "WordPiece";
}

Result<WordPiece> parse_wordpiece_json(std::string_view json) {
  const Json root = TRY(parse_json(json, kTokenizerJsonLimits));
  return WordPiece::create(TRY(read_spec(root)));
}

Result<WordPiece> read_wordpiece(const std::string& folder) {
  const std::string path = join_path(folder, "tokenizer.json");
  if (!file_exists(path))
    return Error{path +
                 ": no such file; an encoder's folder needs it (transformers writes one from "
                 "vocab.txt with save_pretrained)"};
  const std::string json = TRY(read_file(path, kTokenizerJsonLimits.bytes));
  return TRY_IN(path, parse_wordpiece_json(json));
}

namespace {

constexpr const char* kWordPieceModel = "tokenizer.ggml.model";
constexpr const char* kWordPieceTokens = "tokenizer.ggml.tokens";
constexpr std::string_view kWordBegin = "\xE2\x96\x81";  // U+2581

// The id that the key names, or that of the token with this text; -1: neither.
int named_id(const GgufMetadata& metadata, const char* key, const std::string& text,
             const std::vector<std::string>& tokens) {
  if (const auto id = metadata.int_at(key); id && *id >= 0 && *id < int64_t(tokens.size()))
    return int(*id);
  const auto found = std::find(tokens.begin(), tokens.end(), text);
  return found == tokens.end() ? -1 : int(found - tokens.begin());
}

}  // namespace

bool has_gguf_wordpiece(const GgufMetadata& metadata) {
  const auto model = metadata.string_at(kWordPieceModel);
  return model && *model == "bert";
}

Result<WordPiece> read_gguf_wordpiece(const GgufMetadata& metadata) {
  const std::vector<std::string>& tokens = *TRY(metadata.strings_at(kWordPieceTokens));
  WordPieceSpec spec;
  spec.tokens.reserve(tokens.size());
  // Back to the form of tokenizer.json: tokens in brackets stand as they are.
  for (const std::string& token : tokens) {
    const bool is_control = token.size() > 2 && token.starts_with('[') && token.ends_with(']');
    if (token.starts_with(kWordBegin))
      spec.tokens.push_back(token.substr(kWordBegin.size()));
    else
      spec.tokens.push_back(is_control ? token : "##" + token);
  }
  const int begin = named_id(metadata, "tokenizer.ggml.cls_token_id", "[CLS]", tokens);
  const int end = named_id(metadata, "tokenizer.ggml.seperator_token_id", "[SEP]", tokens);
  const int unknown = named_id(metadata, "tokenizer.ggml.unknown_token_id", "[UNK]", tokens);
  if (begin < 0 || end < 0 || unknown < 0)
    return Error{std::string("key '") + kWordPieceTokens + "': has no [CLS], [SEP] or [UNK]"};
  spec.before = {begin}, spec.after = {end};
  spec.unknown = tokens[size_t(unknown)];
  for (const int id : {begin, end})
    spec.added.push_back({.id = id, .text = spec.tokens[size_t(id)]});
  return WordPiece::create(std::move(spec));
}

}  // namespace weir
