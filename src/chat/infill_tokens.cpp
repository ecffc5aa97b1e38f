#include "chat/infill_tokens.h"

#include <algorithm>
#include <span>

namespace weir {
namespace {

struct Family {
  const char* name;
  const char *prefix, *suffix, *middle;  // middle "": none
  const char *repository, *file;         // "": none
  InfillOrder order;
  InfillFiles files;
};

constexpr InfillOrder kPsm = InfillOrder::prefix_first, kSpm = InfillOrder::suffix_first;

// Where each is published: the models' cards and papers (Qwen2.5-Coder, arXiv 2409.12186, section
// 3.2; DeepSeek-Coder, 2401.14196, section 3.1; StarCoder 2, 2402.19173, section 5.3; Code Llama,
// 2308.12950, section 2.3; Seed-Coder, 2506.03524) and mistral-common's encode_fim. Granite,
// StableCode and Refact have StarCoder's names, CodeGemma has Qwen's. JetBrains' Mellum has
// StarCoder's names in the order SPM, which no name tells.
constexpr Family kFamilies[] = {
    {"Qwen-Coder", "<|fim_prefix|>", "<|fim_suffix|>", "<|fim_middle|>", "<|repo_name|>",
     "<|file_sep|>", kPsm, InfillFiles::before_prefix},
    {"DeepSeek-Coder", "<\uFF5Cfim\u2581begin\uFF5C>", "<\uFF5Cfim\u2581hole\uFF5C>",
     "<\uFF5Cfim\u2581end\uFF5C>", "", "", kPsm, InfillFiles::comments},
    {"StarCoder", "<fim_prefix>", "<fim_suffix>", "<fim_middle>", "<repo_name>", "<file_sep>", kPsm,
     InfillFiles::path_in_prefix},
    {"SantaCoder", "<fim-prefix>", "<fim-suffix>", "<fim-middle>", "", "", kPsm,
     InfillFiles::comments},
    {"Seed-Coder", "<[fim-prefix]>", "<[fim-suffix]>", "<[fim-middle]>", "", "", kSpm,
     InfillFiles::comments},
    {"GLM", "<|code_prefix|>", "<|code_suffix|>", "<|code_middle|>", "", "", kPsm,
     InfillFiles::comments},
    {"Code Llama", "\u2581<PRE>", "\u2581<SUF>", "\u2581<MID>", "", "", kPsm,
     InfillFiles::comments},
    {"Codestral", "[PREFIX]", "[SUFFIX]", "", "", "", kSpm, InfillFiles::comments},
};

// End an infill in some family; what ends a reply in general is end_names.h's business.
constexpr const char* kInfillEnds[] = {
    "\u2581<EOT>", "<EOT>",        "<|EOT|>",       "<|endoftext|>",      "<|fim_pad|>",
    "<fim_pad>",   "<fim-pad>",    "<|repo_name|>", "<repo_name>",        "<reponame>",
    "<filename>",  "<|file_sep|>", "<file_sep>",    "<|file_separator|>", "[MIDDLE]"};

// Files with wrong token types have them as ordinary tokens.
int find_token(const Tokenizer& tokenizer, const std::string& text) {
  if (text.empty()) return -1;
  auto found = tokenizer.find_added(text);
  if (!found) found = tokenizer.find(text);
  return found.value_or(-1);
}

int find_key(const GgufMetadata& metadata, const Tokenizer& tokenizer,
             std::initializer_list<const char*> keys) {
  for (const char* key : keys) {
    const std::string name = std::string("tokenizer.ggml.") + key;
    if (!metadata.find(name)) continue;
    const Result<int64_t> id = metadata.int_at(name);
    if (id && *id >= 0 && *id < tokenizer.size()) return int(*id);
  }
  return -1;
}

InfillTokens from_names(const Tokenizer& tokenizer) {
  InfillTokens tokens;
  for (const Family& family : kFamilies) {
    const int prefix = find_token(tokenizer, family.prefix);
    const int suffix = find_token(tokenizer, family.suffix);
    const int middle = find_token(tokenizer, family.middle);
    const bool needs_middle = *family.middle != 0;
    if (prefix >= 0 && suffix >= 0 && (middle >= 0 || !needs_middle)) {
      tokens = {.family = family.name,
                .prefix = prefix,
                .suffix = suffix,
                .middle = middle,
                .repository = find_token(tokenizer, family.repository),
                .file = find_token(tokenizer, family.file),
                .order = family.order,
                .files = family.files};
      return tokens;
    }
    // One of the three says which family it should be.
    if (prefix < 0 && suffix < 0 && middle < 0) continue;
    tokens.missing = prefix < 0 ? family.prefix : suffix < 0 ? family.suffix : family.middle;
  }
  return tokens;
}

void take_keys(const GgufMetadata& metadata, const Tokenizer& tokenizer, InfillTokens& tokens) {
  const int prefix = find_key(metadata, tokenizer, {"fim_pre_token_id", "prefix_token_id"});
  const int suffix = find_key(metadata, tokenizer, {"fim_suf_token_id", "suffix_token_id"});
  const int middle = find_key(metadata, tokenizer, {"fim_mid_token_id", "middle_token_id"});
  if (prefix < 0 || suffix < 0 || middle < 0) return;
  if (!tokens.exist()) tokens.family = "GGUF";
  tokens.prefix = prefix, tokens.suffix = suffix, tokens.middle = middle;
  const int repository = find_key(metadata, tokenizer, {"fim_rep_token_id"});
  const int file = find_key(metadata, tokenizer, {"fim_sep_token_id"});
  if (repository >= 0) tokens.repository = repository;
  if (file >= 0) tokens.file = file;
  if (file >= 0 && tokens.files == InfillFiles::comments) tokens.files = InfillFiles::before_prefix;
  const int pad = find_key(metadata, tokenizer, {"fim_pad_token_id"});
  if (pad >= 0) tokens.ends.push_back(pad);
}

}  // namespace

bool InfillTokens::has(int token) const {
  return token >= 0 && (token == prefix || token == suffix || token == middle ||
                        token == repository || token == file);
}

bool names_infill_family(const std::function<bool(std::string_view)>& has) {
  return std::any_of(std::begin(kFamilies), std::end(kFamilies), [&](const Family& family) {
    return has(family.prefix) && has(family.suffix) && (!*family.middle || has(family.middle));
  });
}

InfillTokens find_infill_tokens(const Tokenizer& tokenizer, const GgufMetadata* metadata) {
  InfillTokens tokens = from_names(tokenizer);
  if (metadata) take_keys(*metadata, tokenizer, tokens);
  if (!tokens.exist()) {
    if (tokens.missing.empty()) tokens.missing = "<|fim_prefix|>, <fim_prefix> and the like";
    return tokens;
  }
  if (tokens.file < 0) tokens.files = InfillFiles::comments;
  // A model that begins another hole or file is done with this one.
  for (const int id : {tokens.prefix, tokens.suffix, tokens.middle, tokens.repository, tokens.file})
    if (id >= 0) tokens.ends.push_back(id);
  for (const char* text : kInfillEnds)
    if (const auto id = tokenizer.find_added(text)) tokens.ends.push_back(*id);
  std::sort(tokens.ends.begin(), tokens.ends.end());
  tokens.ends.erase(std::unique(tokens.ends.begin(), tokens.ends.end()), tokens.ends.end());
  return tokens;
}

Result<void> set_infill_order(const std::string& wanted, InfillTokens& tokens) {
  if (wanted == "auto" || !tokens.exist()) return {};
  if (tokens.middle < 0 && wanted == "psm")
    return Error{std::string("--infill-order psm: ") + tokens.family +
                 "'s prompts end with the prefix, so the suffix comes first; leave the option out"};
  tokens.order = wanted == "psm" ? kPsm : kSpm;
  return {};
}

}  // namespace weir
