// A folder's tokenizer: tokenizer.json with what tokenizer_config.json and special_tokens_map.json
// say of its special tokens.
#include <algorithm>

#include "base/file.h"
#include "text/unicode.h"
#include "tokenizer/tokenizer_json.h"
#include "tokenizer/tokenizer_spec.h"

namespace weir {
namespace {

constexpr const char* kConfig = "tokenizer_config.json";
constexpr const char* kMap = "special_tokens_map.json";

// The text of a token that is named by it or by an object with it; "" for null and absent.
Result<std::string> name_of(const Json& file, const char* key, const char* place) {
  const Json* value = file.find(key);
  if (value == nullptr || value->is_null()) return std::string();
  if (value->is_object() && value->find("content") != nullptr) value = value->find("content");
  return TRY_IN(std::string(place) + ": " + key, value->as_string());
}

// The id of a token's text; -1 when the vocabulary lacks it. BOS and EOS are added tokens from now
// on, as for transformers, so that templates can write them. Tokens of one character stay ordinary:
// without them texts could not be written ('!' is the pad token of some models).
int id_of(const std::string& text, bool is_written, TokenizerSpec& spec) {
  for (const AddedToken& token : spec.added)
    if (token.text == text) return token.id;
  const auto found = std::find(spec.tokens.begin(), spec.tokens.end(), text);
  if (text.empty() || found == spec.tokens.end()) return -1;
  const int id = int(found - spec.tokens.begin());
  const bool is_character = size_t(decode_utf8(text, 0).bytes) == text.size();
  if (is_written && !is_character) spec.added.push_back({.id = id, .text = text});
  return id;
}

Result<Json> read_optional(const std::string& folder, const char* name) {
  const std::string path = join_path(folder, name);
  if (!file_exists(path)) return Json();
  return read_json_file(path, kTokenizerJsonLimits);
}

}  // namespace

Result<void> take_special_tokens(const Json& config, const Json& map, TokenizerSpec& spec) {
  struct Named {
    const char* key;
    int* id;
    bool is_needed;
  };
  for (const Named& named : {Named{"bos_token", &spec.bos, true},
                             {"eos_token", &spec.eos, true},
                             {"pad_token", &spec.pad, false},
                             {"unk_token", &spec.unk, false}}) {
    const char* place = kConfig;
    std::string text = TRY(name_of(config, named.key, place));
    if (text.empty() && config.find(named.key) == nullptr) {
      place = kMap;
      text = TRY(name_of(map, named.key, place));
      if (text.empty()) continue;  // nobody says anything: what is known stays
    }
    *named.id = id_of(text, named.is_needed, spec);
    if (*named.id < 0 && !text.empty() && named.is_needed)
      return Error{std::string(place) + ": " + named.key + " '" + text +
                   "' is no token of tokenizer.json"};
  }
  // add_bos_token rules over the post-processor where it is given.
  const Json* adds = config.find("add_bos_token");
  if (adds == nullptr || adds->is_null()) return {};
  const bool frames = TRY_IN(std::string(kConfig) + ": add_bos_token", adds->as_bool());
  if (!frames) spec.prefix.clear();
  if (frames && spec.prefix.empty() && spec.bos >= 0) spec.prefix = {spec.bos};
  return {};
}

Result<Tokenizer> parse_tokenizer_json(std::string_view json, std::string_view config) {
  Json read;
  if (!config.empty()) read = TRY_IN(kConfig, parse_json(config, kTokenizerJsonLimits));
  TokenizerSpec spec = TRY_IN("tokenizer.json", read_tokenizer_spec(json));
  TRY(take_special_tokens(read, Json(), spec));
  return TRY_IN("tokenizer.json", Tokenizer::create(std::move(spec)));
}

Result<Tokenizer> read_tokenizer(const std::string& folder) {
  const std::string path = join_path(folder, "tokenizer.json");
  const std::string text = TRY(read_file(path, kTokenizerJsonLimits.bytes));
  const Json config = TRY(read_optional(folder, kConfig));
  const Json map = TRY(read_optional(folder, kMap));
  TokenizerSpec spec = TRY_IN(path, read_tokenizer_spec(text));
  TRY_IN(folder, take_special_tokens(config, map, spec));
  return TRY_IN(path, Tokenizer::create(std::move(spec)));
}

}  // namespace weir
