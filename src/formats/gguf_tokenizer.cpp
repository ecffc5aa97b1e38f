#include "formats/gguf_tokenizer.h"

#include <fmt/format.h>

#include <optional>
#include <unordered_set>

#include "base/text.h"
#include "text/bpe.h"
#include "text/unicode.h"

namespace weir {
namespace {

constexpr const char* kModel = "tokenizer.ggml.model";
constexpr const char* kPre = "tokenizer.ggml.pre";
constexpr const char* kTokens = "tokenizer.ggml.tokens";
constexpr const char* kTypes = "tokenizer.ggml.token_type";
constexpr const char* kMerges = "tokenizer.ggml.merges";
constexpr const char* kBos = "tokenizer.ggml.bos_token_id";
constexpr const char* kEos = "tokenizer.ggml.eos_token_id";
constexpr const char* kAddBos = "tokenizer.ggml.add_bos_token";
constexpr const char* kAddEos = "tokenizer.ggml.add_eos_token";
constexpr const char* kTemplate = "tokenizer.chat_template";
// Ours, where it is not what the name of the split steps implies; llama.cpp never normalises.
constexpr const char* kNfc = "weir.tokenizer.nfc";

// tokenizer.ggml.token_type.
enum TokenType : int64_t { kNormal = 1, kUnknown, kControl, kUserDefined, kUnused, kByte };

// What a name in tokenizer.ggml.pre means.
struct Splitting {
  const char* name;
  const char* preset;  // "": llama.cpp's default
  bool nfc = false;
  bool ignore_merges = false;
  bool adds_bos = false;  // where add_bos_token is absent
  bool isolates_digits = false;
};

// Writing takes the first that fits. Qwen's tokenizer.json normalises to NFC and llama.cpp does
// not; we do what the model was trained with. Kimi's tokens were made by tiktoken, which takes a
// piece that is a token as it is.
constexpr Splitting kSplittings[] = {
    {.name = "deepseek-llm", .preset = "deepseek-llm"},
    {.name = "deepseek-coder", .preset = "deepseek-coder"},
    {.name = "deepseek-v3", .preset = "deepseek-v3"},
    {.name = "qwen2", .preset = "qwen2", .nfc = true},
    {.name = "deepseek-r1-qwen", .preset = "qwen2", .nfc = true},
    {.name = "llama-bpe", .preset = "llama3", .ignore_merges = true, .adds_bos = true},
    {.name = "llama3", .preset = "llama3", .ignore_merges = true, .adds_bos = true},
    {.name = "llama-v3", .preset = "llama3", .ignore_merges = true, .adds_bos = true},
    {.name = "smaug-bpe", .preset = "llama3"},
    {.name = "dbrx", .preset = "llama3"},
    {.name = "kimi-k2", .preset = "kimi-k2", .ignore_merges = true},
    {.name = "gpt-2", .preset = "gpt-2"},
    {.name = "smollm", .preset = "gpt-2", .isolates_digits = true},
    {.name = "default", .preset = ""},
};

Result<PreTokenizer> pre_tokenizer_of(const Splitting& splitting) {
  if (*splitting.preset != '\0')
    return PreTokenizer::preset(splitting.preset, splitting.isolates_digits);
  using Kind = SplitStep::Kind;
  return PreTokenizer::from_steps(
      {{Kind::regex, R"([\p{P}\$\+<=>\^~\|]+)"},
       {Kind::regex, R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S))"},
       {Kind::regex, R"(\p{N}+)"},
       {Kind::regex, "[0-9][0-9][0-9]"}});
}

std::string known_names() {
  std::string names;
  for (const Splitting& splitting : kSplittings)
    names += (names.empty() ? "" : ", ") + std::string(splitting.name);
  return names;
}

Result<const Splitting*> splitting_of(const GgufMetadata& metadata) {
  if (!metadata.find(kPre))
    return Error{
        fmt::format("key '{}' is missing, so nothing says how text is split; the file is "
                    "from before May 2024: convert the original model again",
                    kPre)};
  std::string name = TRY(metadata.string_at(kPre));
  for (const Splitting& splitting : kSplittings)
    if (name == splitting.name) return &splitting;
  return Error{fmt::format("key '{}' is '{}', which is not supported; known are {}", kPre,
                           printable(name), known_names())};
}

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
  const std::vector<int64_t>& types = *TRY(metadata.ints_at(kTypes));
  if (types.size() != tokens.size())
    return Error{
        fmt::format("key '{}' has {} entries for {} tokens", kTypes, types.size(), tokens.size())};
  // Older converters gave padding the type USER_DEFINED.
  size_t size = tokens.size();
  while (size > 0 && tokens[size - 1] == padding_name(size - 1)) --size;
  for (const char* key : {kBos, kEos}) {
    if (!metadata.find(key)) continue;
    int64_t id = TRY(metadata.int_at(key));
    if (id < 0 || uint64_t(id) >= size)
      return Error{fmt::format("key '{}' is {}, but the tokens have ids from 0 to {}", key, id,
                               int64_t(size) - 1)};
    (key == kBos ? spec.bos : spec.eos) = int(id);
  }
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
Result<void> read_frame(const GgufMetadata& metadata, const Splitting& splitting,
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

// Steps in one spelling, to be compared; with `join_digits`, runs of digits in place of single
// ones.
std::vector<SplitStep> canonical(std::vector<SplitStep> steps, bool join_digits) {
  using Kind = SplitStep::Kind;
  for (SplitStep& step : steps) {
    if (step.kind == Kind::each_digit) step = {Kind::regex, R"(\p{N})"};
    if (step.kind == Kind::digit_run) step = {Kind::regex, R"(\p{N}+)"};
    if (join_digits && step == SplitStep{Kind::regex, R"(\p{N})"}) step.pattern += "+";
  }
  return steps;
}

// Whether both cut every token alike. Then no merge can join what only one of them cuts.
Result<bool> cut_tokens_alike(const Tokenizer& tokenizer, const PreTokenizer& a,
                              const PreTokenizer& b) {
  SplitScratch scratch;
  for (int id = 0; id < tokenizer.size(); ++id) {
    std::string_view text = tokenizer.token_bytes(id);
    if (tokenizer.is_added(id) || valid_utf8_prefix(text) != text.size()) continue;
    TRY(a.split(text, scratch));
    size_t pieces = scratch.pieces.size();
    TRY(b.split(text, scratch));
    if (scratch.pieces.size() != pieces) return false;
  }
  return true;
}

// DeepSeek's own files isolate digits where llama.cpp's pattern takes runs of them, and weir's
// tokenizers may do so before everything else; that is the same for a vocabulary without tokens of
// several digits.
Result<bool> splits_as(const Tokenizer& tokenizer, const PreTokenizer& named) {
  const PreTokenizer& own = tokenizer.pre_tokenizer();
  if (canonical(own.steps(), false) == canonical(named.steps(), false)) return true;
  std::vector<SplitStep> rest = own.steps();
  if (!rest.empty() && rest.front().kind == SplitStep::Kind::each_digit) rest.erase(rest.begin());
  if (canonical(own.steps(), true) != canonical(named.steps(), true) &&
      canonical(rest, false) != canonical(named.steps(), false))
    return false;
  return cut_tokens_alike(tokenizer, own, named);
}

Result<const Splitting*> name_splitting(const Tokenizer& tokenizer) {
  const Splitting* near = nullptr;
  for (const Splitting& splitting : kSplittings) {
    PreTokenizer named = TRY(pre_tokenizer_of(splitting));
    bool same = TRY(splits_as(tokenizer, named));
    if (!same) continue;
    if (splitting.ignore_merges == tokenizer.ignores_merges()) return &splitting;
    near = &splitting;
  }
  if (near)
    return Error{
        fmt::format("llama.cpp's '{}' splits text as this tokenizer does, but {} "
                    "ignore_merges; GGUF can not say so: keep tokenizer.json",
                    near->name, near->ignore_merges ? "has" : "lacks")};
  return Error{
      fmt::format("GGUF names the way text is split, and none of its names ({}) means "
                  "this tokenizer's way; train it with one of them or keep tokenizer.json",
                  known_names())};
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
  const Splitting& splitting = *TRY(splitting_of(metadata));
  TokenizerSpec spec;
  spec.pre_tokenizer = TRY(pre_tokenizer_of(splitting));
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
  if (vocab_size < tokenizer.size())
    return Error{fmt::format("the tokenizer has {} tokens, the model only {} rows for them",
                             tokenizer.size(), vocab_size)};
  const Splitting& splitting = *TRY(name_splitting(tokenizer));
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
  metadata.set(kAddBos, adds_bos);
  metadata.set(kAddEos, adds_eos);
  if (tokenizer.nfc() != splitting.nfc || metadata.find(kNfc)) metadata.set(kNfc, tokenizer.nfc());
  if (!chat_template.empty()) metadata.set(kTemplate, chat_template);
  return {};
}

}  // namespace weir
