#include "tokenizer/gguf_tokenizer.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <unordered_set>

#include "base/text.h"
#include "text/unicode.h"
#include "tokenizer/bpe.h"
#include "tokenizer/end_names.h"
#include "tokenizer/gguf_splitting.h"

namespace weir {
namespace {

constexpr const char* kModel = "tokenizer.ggml.model";
constexpr const char* kPre = "tokenizer.ggml.pre";
constexpr const char* kTokens = "tokenizer.ggml.tokens";
constexpr const char* kTypes = "tokenizer.ggml.token_type";
constexpr const char* kMerges = "tokenizer.ggml.merges";
constexpr const char* kBos = "tokenizer.ggml.bos_token_id";
constexpr const char* kEos = "tokenizer.ggml.eos_token_id";
constexpr const char* kEot = "tokenizer.ggml.eot_token_id";
constexpr const char* kEom = "tokenizer.ggml.eom_token_id";
constexpr const char* kPad = "tokenizer.ggml.padding_token_id";
constexpr const char* kUnk = "tokenizer.ggml.unknown_token_id";
constexpr const char* kAddBos = "tokenizer.ggml.add_bos_token";
constexpr const char* kAddEos = "tokenizer.ggml.add_eos_token";
constexpr const char* kTemplate = "tokenizer.chat_template";
// Ours, where it is not what the name of the split steps implies; llama.cpp never normalises.
constexpr const char* kNfc = "weir.tokenizer.nfc";

// tokenizer.ggml.token_type.
enum TokenType : int64_t { kNormal = 1, kUnknown, kControl, kUserDefined, kUnused, kByte };

std::string padding_name(size_t id) { return fmt::format("[PAD{}]", id); }

// "<0x0A>" as the byte's character.
std::optional<std::string> byte_token(const std::string& text) {
  constexpr std::string_view kDigits = "0123456789ABCDEF";
  if (text.size() != 6 || !text.starts_with("<0x") || text[5] != '>') return std::nullopt;
  size_t high = kDigits.find(text[3]), low = kDigits.find(text[4]);
  if (high == kDigits.npos || low == kDigits.npos) return std::nullopt;
  return bytes_to_characters(std::string(1, char(high << 4 | low)));
}

Result<void> read_tokens(const GgufMetadata& metadata, TokenizerSpec& spec) {
  const std::vector<std::string>& tokens = *TRY(metadata.strings_at(kTokens));
  std::vector<int64_t> types(tokens.size(), kNormal);
  const bool has_types = metadata.find(kTypes) != nullptr;
  if (has_types) types = *TRY(metadata.ints_at(kTypes));
  if (types.size() != tokens.size())
    return Error{
        fmt::format("key '{}' has {} entries for {} tokens", kTypes, types.size(), tokens.size())};
  // Older converters gave padding the type USER_DEFINED.
  size_t size = tokens.size();
  while (size > 0 && tokens[size - 1] == padding_name(size - 1)) --size;
  int eot = -1, eom = -1;
  for (const auto& [key, place] :
       {std::pair(kBos, &spec.bos), std::pair(kEos, &spec.eos), std::pair(kPad, &spec.pad),
        std::pair(kUnk, &spec.unk), std::pair(kEot, &eot), std::pair(kEom, &eom)}) {
    if (!metadata.find(key)) continue;
    const int64_t id = TRY(metadata.int_at(key));
    const bool is_inside = id >= 0 && uint64_t(id) < size;
    // Padding after the last token is no token here, and the others' ids are only hints.
    if (!is_inside && key != kBos && key != kEos) continue;
    if (!is_inside)
      return Error{fmt::format("key '{}' is {}, but the tokens have ids from 0 to {}", key, id,
                               int64_t(size) - 1)};
    *place = int(id);
    const std::string& text = tokens[size_t(id)];
    // Texts can not do without a token of one character, whoever names it.
    const bool is_character = text.empty() || size_t(decode_utf8(text, 0).bytes) == text.size();
    if (!has_types && !is_character) types[size_t(id)] = kControl;
  }
  for (size_t id = 0; id < size && !has_types; ++id)
    if (is_end_name(tokens[id])) types[id] = kControl;
  spec.tokens.reserve(size);
  for (size_t id = 0; id < size; ++id) {
    const std::string& text = tokens[id];
    auto error = [&](const std::string& what) {
      return Error{fmt::format("token {} ('{}') {}", id, printable(text), what)};
    };
    if (text.empty()) return error("is empty");
    spec.tokens.push_back(text);
    switch (types[id]) {
      case kNormal:
      case kUnused:
        break;
      case kUnknown:
      case kControl:
      case kUserDefined:
        // Literal text; users can not type the first two.
        spec.added.push_back({int(id), text, types[id] != kUserDefined, false});
        break;
      case kByte: {
        std::optional<std::string> byte = byte_token(text);
        if (!byte) return error("has the type of a byte but is not named <0x00> to <0xFF>");
        spec.tokens.back() = *byte;
        break;
      }
      default:
        return error(fmt::format("has type {}; it must be from 1 to 6", types[id]));
    }
  }
  return {};
}

Result<void> read_merges(const GgufMetadata& metadata, TokenizerSpec& spec) {
  const std::vector<std::string>& merges = *TRY(metadata.strings_at(kMerges));
  spec.merges.reserve(merges.size());
  for (const std::string& merge : merges) {
    // A token may begin with a space, never a left part's later character.
    size_t space = merge.find(' ', 1);
    if (merge.empty() || space == merge.npos || space + 1 == merge.size())
      return Error{fmt::format("merge {} ('{}') must be two tokens with a space between them",
                               spec.merges.size(), printable(merge))};
    spec.merges.emplace_back(merge.substr(0, space), merge.substr(space + 1));
  }
  return {};
}

Result<bool> bool_or(const GgufMetadata& metadata, const char* key, bool otherwise) {
  if (!metadata.find(key)) return otherwise;
  return metadata.bool_at(key);
}

// What frames a text: BOS before it, EOS after it.
Result<void> read_frame(const GgufMetadata& metadata, const GgufSplitting& splitting,
                        TokenizerSpec& spec) {
  bool adds_bos = TRY(bool_or(metadata, kAddBos, splitting.adds_bos && spec.bos >= 0));
  bool adds_eos = TRY(bool_or(metadata, kAddEos, false));
  if (adds_bos && spec.bos < 0)
    return Error{fmt::format("key '{}' is true, but '{}' is missing", kAddBos, kBos)};
  if (adds_eos && spec.eos < 0)
    return Error{fmt::format("key '{}' is true, but '{}' is missing", kAddEos, kEos)};
  if (adds_bos) spec.prefix = {spec.bos};
  if (adds_eos) spec.suffix = {spec.eos};
  return {};
}

Result<void> write_tokens(const Tokenizer& tokenizer, int vocab_size, GgufMetadata& metadata) {
  std::vector<std::string> tokens;
  std::vector<int64_t> types;
  std::unordered_set<std::string> seen;
  for (int id = 0; id < vocab_size; ++id) {
    bool is_token = tokenizer.has(id);
    tokens.push_back(is_token ? tokenizer.token_text(id) : padding_name(size_t(id)));
    if (!seen.insert(tokens.back()).second)
      return Error{fmt::format("two tokens are written '{}'; GGUF can not tell them apart",
                               printable(tokens.back()))};
    types.push_back(!is_token                  ? kUnused
                    : tokenizer.is_special(id) ? kControl
                    : tokenizer.is_added(id)   ? kUserDefined
                                               : kNormal);
  }
  metadata.set(kTokens, std::move(tokens));
  metadata.set(kTypes, std::move(types), GgufMetadata::Width::i32);
  return {};
}

// Merges that never happen, because they name an added token, are left out: llama.cpp would do
// them.
void write_merges(const Tokenizer& tokenizer, GgufMetadata& metadata) {
  std::vector<std::string> merges;
  merges.reserve(tokenizer.merges().size());
  for (const Merge& merge : tokenizer.merges())
    if (merge.result >= 0)
      merges.push_back(tokenizer.token_text(merge.left) + " " + tokenizer.token_text(merge.right));
  metadata.set(kMerges, std::move(merges));
}

}  // namespace

Result<std::vector<int>> tokens_without_rows(const Tokenizer& tokenizer,
                                             const std::string& chat_template, int rows) {
  std::vector<int> without;
  for (int id = rows; id < tokenizer.size(); ++id) {
    const std::string name = printable(tokenizer.token_text(id));
    const auto needed = [&](const char* who) {
      return Error{
          fmt::format("the tokenizer has {} tokens, the model only {} rows for them, and "
                      "{} needs token {} ('{}'); use the tokenizer of this model",
                      tokenizer.size(), rows, who, id, name)};
    };
    const auto has = [&](const std::vector<int>& ids) {
      return std::find(ids.begin(), ids.end(), id) != ids.end();
    };
    if (!tokenizer.is_added(id)) return needed("the vocabulary");
    if (id == tokenizer.bos() || has(tokenizer.prefix())) return needed("the beginning of texts");
    if (id == tokenizer.eos() || has(tokenizer.suffix())) return needed("the end of texts");
    if (chat_template.find(tokenizer.token_bytes(id)) != std::string::npos)
      return needed("the chat template");
    without.push_back(id);
  }
  return without;
}

Result<Tokenizer> read_gguf_tokenizer(const GgufMetadata& metadata) {
  std::string model = TRY(metadata.string_at(kModel));
  if (model == "none")
    return Error{
        fmt::format("key '{}' is 'none': the file has no tokenizer; convert the model "
                    "again from a folder with tokenizer.json",
                    kModel)};
  if (model != "gpt2")
    return Error{
        fmt::format("key '{}' is '{}'; only byte-level BPE ('gpt2') is supported: use the "
                    "tokenizer.json of the original model",
                    kModel, printable(model))};
  const GgufSplitting& splitting = *TRY(read_gguf_splitting(metadata));
  TokenizerSpec spec;
  spec.pre_tokenizer = TRY(splitting.pre_tokenizer());
  spec.ignore_merges = splitting.ignore_merges;
  spec.nfc = TRY(bool_or(metadata, kNfc, splitting.nfc));
  TRY(read_tokens(metadata, spec));
  TRY(read_merges(metadata, spec));
  TRY(read_frame(metadata, splitting, spec));
  return TRY_IN("tokenizer", Tokenizer::create(std::move(spec)));
}

Result<void> write_gguf_tokenizer(const Tokenizer& tokenizer, const std::string& chat_template,
                                  GgufMetadata& metadata, int vocab_size) {
  if (vocab_size == 0) vocab_size = tokenizer.size();
  TRY(tokens_without_rows(tokenizer, chat_template, vocab_size));
  const GgufSplitting& splitting = *TRY(choose_gguf_splitting(tokenizer));
  bool adds_bos = tokenizer.prefix() == std::vector<int>{tokenizer.bos()};
  bool adds_eos = tokenizer.suffix() == std::vector<int>{tokenizer.eos()};
  if ((!adds_bos && !tokenizer.prefix().empty()) || (!adds_eos && !tokenizer.suffix().empty()))
    return Error{
        "the tokenizer frames texts with other tokens than BOS and EOS, which GGUF can "
        "not say; keep tokenizer.json"};
  metadata.set(kModel, "gpt2");
  metadata.set(kPre, splitting.name);
  TRY(write_tokens(tokenizer, vocab_size, metadata));
  write_merges(tokenizer, metadata);
  if (tokenizer.bos() >= 0) metadata.set(kBos, int64_t(tokenizer.bos()));
  if (tokenizer.eos() >= 0) metadata.set(kEos, int64_t(tokenizer.eos()));
  const auto set_if_there = [&](const char* key, int id) {
    if (id >= 0 && id < vocab_size) metadata.set(key, int64_t(id));
  };
  set_if_there(kPad, tokenizer.pad());
  set_if_there(kUnk, tokenizer.unk());
  metadata.set(kAddBos, adds_bos);
  metadata.set(kAddEos, adds_eos);
  if (tokenizer.nfc() != splitting.nfc || metadata.find(kNfc)) metadata.set(kNfc, tokenizer.nfc());
  if (!chat_template.empty()) metadata.set(kTemplate, chat_template);
  return {};
}

}  // namespace weir
